#!/bin/sh
echo "a warning" >&2
echo '{"g": ["n1"]}'

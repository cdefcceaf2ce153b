#!/bin/sh
echo '{"a": ["first"], "g": {"hosts": "n1"}}'

#!/bin/sh
echo '{"never": ["seen"]}'
echo "something is wrong" >&2
exit 4

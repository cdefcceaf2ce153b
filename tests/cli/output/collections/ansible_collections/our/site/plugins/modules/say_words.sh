#!/bin/sh
. "$1"
printf '{"changed": false, "said": "%s"}\n' "$what"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
echo "welcome to this host"
printf '  {"changed": false,\n "results": 7, "_ansible_hidden": 1, "warnings": []}\n'
echo "goodbye"

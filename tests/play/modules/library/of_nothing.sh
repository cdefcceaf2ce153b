#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
echo "no object at all"
echo "and a complaint" >&2
exit 3

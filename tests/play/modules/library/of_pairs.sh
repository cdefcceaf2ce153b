#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A module of the old kind: its arguments are assignments.
. "$1"
[ "$state" = failed ] && { printf '{"failed": true, "msg": "as asked: %s"}' "$text"; exit 1; }
[ "$_ansible_check_mode" = True ] || printf '%s\n' "$text" >"$dest"
printf '{"changed": true, "text": "%s", "ansible_facts": {"pairs_text": "%s"}}\n' "$number" "$number"

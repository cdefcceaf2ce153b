#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Lists models and their versions, or puts another version of a model back:
#
#     rollback_model.sh
#     rollback_model.sh MODEL --previous
#     rollback_model.sh MODEL VERSION
#
# All arguments, and any other option of rollback-model(1), go to that program: the one in
# $MODELFLEET_BIN, of the build that this script lies in, or the installed one. It may be called
# from any directory: where neither that nor the environment says what the site is, the site is
# the directory above this script's.
set -eu

scripts=$(dirname "$(readlink -f "$0")")
site=$(dirname "$scripts")

find_program() {
	for place in "${MODELFLEET_BIN:-}" "$site/build/release/bin" "$site/build/debug/bin" \
		"$site/build/sanitize/bin" "$site/bin" "$site/../../bin"; do
		if [ -n "$place" ] && [ -x "$place/rollback-model" ]; then
			echo "$place/rollback-model"
			return
		fi
	done
	command -v rollback-model
}

names_inventory() {
	for word in "$@"; do
		case $word in
		-i* | --inventory | --inventory=*) return 0 ;;
		esac
	done
	return 1
}

program=$(find_program) || {
	echo "rollback_model.sh: rollback-model is neither built in $site/build nor installed" >&2
	exit 1
}
if ! names_inventory "$@" && [ -z "${ANSIBLE_CONFIG:-}${ANSIBLE_INVENTORY:-}" ] &&
	[ ! -e ansible.cfg ]; then
	if [ -e "$site/ansible.cfg" ]; then
		export ANSIBLE_CONFIG="$site/ansible.cfg"
	elif [ -d "$site/inventory" ]; then
		set -- -i "$site/inventory" "$@"
	fi
fi
exec "$program" "$@"

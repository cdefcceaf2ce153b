#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Removes old versions from the store of models.
#
#     cleanup_model_registry.sh [N] [OPTIONS of cleanup-models]
#
# N is how many versions stay beside those in use; sentinelcam_model_retention, if it is left out.
set -eu

if ! command -v cleanup-models > /dev/null; then
	echo "cleanup_model_registry.sh: cleanup-models is not in PATH; install modelfleet first" >&2
	exit 1
fi
case "${1:-}" in
"" | -*) exec cleanup-models "$@" ;;
*[!0-9]*)
	echo "cleanup_model_registry.sh: found '$1', expected a number of versions to keep" >&2
	exit 1
	;;
*)
	keep=$1
	shift
	exec cleanup-models --keep "$keep" "$@"
	;;
esac

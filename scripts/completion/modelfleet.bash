# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# bash completion for modelfleet and its links. The program itself knows what could come next
# (src/cli/complete.h says how it is asked); this only hands it over to bash. Nothing of the line
# is ever evaluated.

# Prints what the program offers for a line. Variables that the line names may be those of the
# shell alone; here they are exported, in a process that ends with the answer.
_modelfleet_ask() {
	local program=modelfleet beside=${COMP_WORDS[0]%/*}/modelfleet rest=$1
	[[ ${COMP_WORDS[0]} == */* && -x $beside ]] && program=$beside
	while [[ $rest =~ \$\{?([A-Za-z_][A-Za-z0-9_]*)(.*) ]]; do
		export "${BASH_REMATCH[1]}"
		rest=${BASH_REMATCH[2]}
	done
	"$program" __complete --bash "$1" "$COMP_WORDBREAKS" 2>/dev/null
}

# Completes files that end like one of the words, and directories; without words, all files.
_modelfleet_files() {
	local current=${COMP_WORDS[COMP_CWORD]} suffix
	for suffix in $1; do
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -X "!*$suffix" -- "$current")
	done
	if [[ -n $1 ]]; then
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current")
		compopt -o filenames 2>/dev/null
	fi
	# Where that finds nothing, readline's own completion looks: it knows quotes and variables.
	compopt -o default 2>/dev/null
}

_modelfleet() {
	local kind word
	COMPREPLY=()
	while IFS=$'\t' read -r kind word _; do
		case $kind in
		w) COMPREPLY+=("$word") ;;
		f) _modelfleet_files "$word" ;;
		d)
			mapfile -t COMPREPLY < <(compgen -d -- "${COMP_WORDS[COMP_CWORD]}")
			compopt -o filenames -o dirnames 2>/dev/null
			;;
		esac
	done < <(_modelfleet_ask "${COMP_LINE:0:COMP_POINT}")
}

complete -o nosort -F _modelfleet modelfleet cleanup-models deploy-models fleet-status \
	publish-model rollback-model run-playbook

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# bash completion for model-cached.

_model_cached() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	# readline cuts words at "=": --config = FILE
	if [[ $word == = ]]; then
		word=
	elif [[ $before == = ]]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [[ $before == --config ]]; then
		compopt -o default 2>/dev/null
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "--config= --check-config --json-log --version --help" -- "$word")
	[[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace 2>/dev/null
}

complete -F _model_cached model-cached

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# bash completion for model-sync-agent.

# The names in a directory that begin as the word does; files that the agent keeps for itself and
# directories are left out.
_model_sync_agent_models() {
	local path
	for path in models/"$1"*; do
		[[ -f $path && $path != *.json ]] && COMPREPLY+=("${path#models/}")
	done
}

_model_sync_agent() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	# readline cuts words at "=": --config = FILE
	if [[ $word == = ]]; then
		word=
	elif [[ $before == = ]]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $before in
	--config) compopt -o default 2>/dev/null ;;
	--rollback) _model_sync_agent_models "$word" ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W "--once --config= --check-config --rollback= \
			--json-log --version --help" -- "$word")
		[[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace 2>/dev/null
		;;
	esac
}

complete -F _model_sync_agent model-sync-agent

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# bash completion for model-registryd.

_model_registryd() {
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
	--store)
		mapfile -t COMPREPLY < <(compgen -W "json: sqlite: postgresql://" -- "$word")
		compopt -o nospace 2>/dev/null
		;;
	--listen) mapfile -t COMPREPLY < <(compgen -W "127.0.0.1:8080 0.0.0.0:8080" -- "$word") ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W "--config= --store= --listen= --check-config \
			--sync-now --json-log --version --help" -- "$word")
		[[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace 2>/dev/null
		;;
	esac
}

complete -F _model_registryd model-registryd

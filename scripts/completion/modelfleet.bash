# SPDX-License-Identifier: Apache-2.0
# bash completion for modelfleet and its links: commands, options, and the hosts, groups and
# models of the inventory that is named on the line (or that ansible.cfg names).

# Prints the -i arguments that stand on the line so far.
_modelfleet_inventory_args() {
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case "${COMP_WORDS[i]}" in
		-i | --inventory) printf '%s\n' -i "${COMP_WORDS[i + 1]}" ;;
		esac
	done
}

# Prints the hosts and groups of the inventory.
_modelfleet_hosts() {
	local args
	mapfile -t args < <(_modelfleet_inventory_args)
	modelfleet inventory --graph "${args[@]}" 2>/dev/null |
		sed -n 's/^[ |]*|--@\{0,1\}//p; s/^@\(.*\):$/\1/p' | tr -d ':' | sort -u
}

# Prints the models of the registry.
_modelfleet_models() {
	local args host
	mapfile -t args < <(_modelfleet_inventory_args)
	host=$(modelfleet inventory --graph "${args[@]}" 2>/dev/null | sed -n 's/^[ |]*|--\([^@]\)/\1/p' | head -n 1)
	[[ -n $host ]] || return 0
	modelfleet vars "$host" sentinelcam_models --json "${args[@]}" 2>/dev/null |
		grep -o '"[^"]*": *{' | tr -d '":{ '
}

# Prints the options of a command, as its help lists them.
_modelfleet_options() {
	"$@" --help 2>/dev/null | grep -oE '^ +(-[A-Za-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'
}

_modelfleet() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local command=("${COMP_WORDS[0]}")
	COMPREPLY=()
	if [[ ${command[0]##*/} == modelfleet ]]; then
		if ((COMP_CWORD == 1)); then
			mapfile -t COMPREPLY < <(compgen -W 'deploy fleet-status run-playbook check inventory vars template --help --version' -- "$current")
			return
		fi
		command+=("${COMP_WORDS[1]}")
	fi
	case "$previous" in
	-l | --limit | --host | vars)
		mapfile -t COMPREPLY < <(compgen -W "$(_modelfleet_hosts)" -- "$current")
		;;
	-m | --models | -t | --tags)
		[[ ${command[-1]##*/} == run-playbook ]] && return
		mapfile -t COMPREPLY < <(compgen -W "$(_modelfleet_models)" -- "$current")
		;;
	--transport)
		mapfile -t COMPREPLY < <(compgen -W 'auto libssh2 ssh local' -- "$current")
		;;
	--host-key-checking)
		mapfile -t COMPREPLY < <(compgen -W 'strict accept-new off' -- "$current")
		;;
	--color)
		mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$current")
		;;
	-i | --inventory | --private-key | --vault-password-file | --playbook)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		;;
	*)
		if [[ ${command[-1]##*/} == run-playbook && $current != -* ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$current")
			return
		fi
		mapfile -t COMPREPLY < <(compgen -W "$(_modelfleet_options "${command[@]}")" -- "$current")
		;;
	esac
}

complete -F _modelfleet modelfleet deploy-models fleet-status run-playbook

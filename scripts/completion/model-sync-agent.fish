# SPDX-License-Identifier: Apache-2.0
# fish completion for model-sync-agent.
complete -c model-sync-agent -f
complete -c model-sync-agent -l once -d 'one cycle, then exit'
complete -c model-sync-agent -l config -r -F -d 'the configuration'
complete -c model-sync-agent -l check-config -d 'read it, say what is wrong with it, and exit'
complete -c model-sync-agent -l rollback -x -d "put a file's former version back" \
    -a "(path filter -f models/* | string match -v '*.json' | string replace models/ '')"
complete -c model-sync-agent -l json-log -d 'log as JSON, one object a line'
complete -c model-sync-agent -l version -d 'print the version and exit'
complete -c model-sync-agent -s h -l help -d 'show a summary and exit'

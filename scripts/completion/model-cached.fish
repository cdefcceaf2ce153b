# SPDX-License-Identifier: Apache-2.0
# fish completion for model-cached.
complete -c model-cached -f
complete -c model-cached -l config -r -F -d 'the configuration'
complete -c model-cached -l check-config -d 'read it, say what is wrong with it, and exit'
complete -c model-cached -l json-log -d 'log as JSON, one object a line'
complete -c model-cached -l version -d 'print the version and exit'
complete -c model-cached -s h -l help -d 'show this and exit'

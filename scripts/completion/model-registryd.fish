# SPDX-License-Identifier: Apache-2.0
# fish completion for model-registryd.
complete -c model-registryd -f
complete -c model-registryd -l config -r -F -d 'the configuration'
complete -c model-registryd -l store -x -a 'json: sqlite: postgresql://' -d 'where entries are kept'
complete -c model-registryd -l listen -x -a '127.0.0.1:8080 0.0.0.0:8080' -d 'address and port'
complete -c model-registryd -l check-config -d 'read it, say what is wrong with it, and exit'
complete -c model-registryd -l sync-now -d 'synchronise the catalogue once, say how it went, and exit'
complete -c model-registryd -l json-log -d 'log as JSON, one object a line'
complete -c model-registryd -l version -d 'print the version and exit'
complete -c model-registryd -s h -l help -d 'show this and exit'

#!/bin/sh
cat <<'END'
{"g": {"hosts": ["h1"], "vars": {"u": {"__ansible_unsafe": "{{ no }}"}, "l": [{"__ansible_unsafe": "x"}],
 "v": {"__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256\n6162\n"}}}, "_meta": {"hostvars": {}}}
END

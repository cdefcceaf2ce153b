#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# Its arguments are put into its text.
import json

arguments = json.loads(r'''<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>''')
if not arguments["_ansible_check_mode"]:
    with open(arguments["dest"], "w") as f:
        f.write(arguments["text"])
print(json.dumps({"changed": True, "text": arguments["text"]}))

#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from ansible.module_utils.basic import *


def main():
    module = AnsibleModule(argument_spec={"dest": {"type": "path", "required": True}})
    with open(module.params["dest"], "w") as f:
        f.write("written\n")
    module.exit_json(changed=True)


main()

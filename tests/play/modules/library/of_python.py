#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import absolute_import

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.of_tests import doubled, six

try:
    import of_nowhere
except ImportError:
    of_nowhere = None


def main():
    module = AnsibleModule(
        argument_spec={
            "number": {"type": "int", "required": True, "aliases": ["n"]},
            "names": {"type": "list", "elements": "str", "default": ["a"]},
            "secret": {"type": "str", "no_log": True},
            "fails": {"type": "bool", "default": False},
            "raises": {"type": "bool", "default": False},
        },
        supports_check_mode=True)
    if module.params["fails"]:
        module.fail_json(msg="as asked", secret=module.params["secret"])
    if module.params["raises"]:
        raise ValueError("as asked")
    module.warn("a warning")
    module.exit_json(changed=not module.check_mode, doubled=doubled(module.params["number"]),
                     names=module.params["names"], diffing=module._diff, text=six.u("text"),
                     secret=module.params["secret"], ansible_facts={"python_fact": {"a": 1}})


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
from ansible.module_utils import six


def doubled(number):
    return 2 * number

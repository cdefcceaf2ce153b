#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The oracle of the YAML and JSON readers: PyYAML with Ansible's tags, and Python's json.

    expect.py yaml FILE...    prints for each file one line: the documents as typed text, or
                              "error" where the loader refuses it
    expect.py json FILE...    the same for JSON
    expect.py to_yaml FILE... the documents written again as YAML, in each of several ways
    expect.py to_json FILE... the same as JSON, from JSON
    expect.py --freeze        writes corpus/KIND/NAME.expected beside every corpus file

Without python3-yaml it ends with status 77.
"""
import datetime
import glob
import json
import os
import sys

try:
    import yaml
except ImportError:
    sys.exit(77)


class Vault(str):
    pass


class Unsafe(str):
    pass


class Loader(getattr(yaml, 'CSafeLoader', yaml.SafeLoader)):
    pass


def mark_unsafe(value):
    if type(value) is str:
        return Unsafe(value)
    if isinstance(value, list):
        return [mark_unsafe(v) for v in value]
    if isinstance(value, dict):
        return {mark_unsafe(k): mark_unsafe(v) for k, v in value.items()}
    return value


def construct_unsafe(loader, node):
    if isinstance(node, yaml.ScalarNode):
        return Unsafe(loader.construct_scalar(node))
    if isinstance(node, yaml.SequenceNode):
        return mark_unsafe(loader.construct_sequence(node, deep=True))
    return mark_unsafe(loader.construct_mapping(node, deep=True))


def construct_vault(loader, node):
    return Vault(loader.construct_scalar(node))


def construct_set(loader, node):
    """We have no sets: a list in the order of the file."""
    return list(loader.construct_mapping(node, deep=True))


def construct_text(loader, node):
    """PyYAML refuses a plain = and a << that is no key; we read them as text."""
    return loader.construct_scalar(node)


Loader.add_constructor('!unsafe', construct_unsafe)
Loader.add_constructor('!vault', construct_vault)
Loader.add_constructor('!vault-encrypted', construct_vault)
Loader.add_constructor('tag:yaml.org,2002:set', construct_set)
Loader.add_constructor('tag:yaml.org,2002:value', construct_text)
Loader.add_constructor('tag:yaml.org,2002:merge', construct_text)


def text(mark, value):
    out = []
    for c in value:
        plain = ' ' <= c < '\x7f' and c not in '"\\'
        code = 0xfffd if 0xd800 <= ord(c) < 0xe000 else ord(c)
        out.append(c if plain else '\\u%06x' % code)
    return '%s:"%s"' % (mark, ''.join(out))


def typed(value):
    if value is None:
        return 'null'
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, int):
        return 'i:%d' % value
    if isinstance(value, float):
        return 'f:%r' % value
    if isinstance(value, Vault):
        return text('v', value)
    if isinstance(value, Unsafe):
        return text('u', value)
    if isinstance(value, str):
        return text('s', value)
    if isinstance(value, bytes):
        return 'b:' + value.hex()
    if isinstance(value, datetime.datetime):
        return 't:' + value.isoformat()
    if isinstance(value, datetime.date):
        return 'd:' + value.isoformat()
    if isinstance(value, tuple):
        return '(' + ', '.join(map(typed, value)) + ')'
    if isinstance(value, list):
        return '[' + ', '.join(map(typed, value)) + ']'
    return '{' + ', '.join(typed(k) + ' = ' + typed(v) for k, v in value.items()) + '}'


def expect_yaml(data):
    return '[' + ', '.join(typed(d) for d in yaml.load_all(data, Loader)) + ']'


def expect_json(data):
    return typed(json.loads(data.decode('utf-8')))


class Dumper(getattr(yaml, 'CSafeDumper', yaml.SafeDumper)):
    pass


Dumper.add_representer(Vault, lambda d, v: d.represent_scalar('!vault', str(v), style='|'))
Dumper.add_representer(Unsafe, lambda d, v: d.represent_str(str(v)))

YAML_WAYS = [
    dict(default_flow_style=None, allow_unicode=True),
    dict(default_flow_style=False, allow_unicode=True, indent=4),
    dict(default_flow_style=True, allow_unicode=True, width=20),
    dict(default_flow_style=False, sort_keys=False, width=-1),
    dict(default_flow_style=None, default_style='"', explicit_start=True, explicit_end=True),
    dict(default_flow_style=False, default_style='|', allow_unicode=True),
    dict(default_flow_style=False, default_style='>', allow_unicode=True, width=30),
    dict(default_flow_style=False, default_style="'", allow_unicode=True),
]

JSON_WAYS = [
    dict(),
    dict(ensure_ascii=False),
    dict(indent=4, sort_keys=True),
    dict(indent=0),
    dict(separators=(',', ':')),
]


def expect_to_yaml(data):
    documents = list(yaml.load_all(data, Loader))
    return ' '.join(text('s', yaml.dump(documents, Dumper=Dumper, **way)) for way in YAML_WAYS)


def expect_to_json(data):
    value = json.loads(data.decode('utf-8'))
    return ' '.join(text('s', json.dumps(value, **way)) for way in JSON_WAYS)


READERS = {
    'yaml': expect_yaml,
    'json': expect_json,
    'to_yaml': expect_to_yaml,
    'to_json': expect_to_json,
}


def expect(kind, path):
    with open(path, 'rb') as f:
        data = f.read()
    try:
        return READERS[kind](data)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError, KeyError, IndexError):
        return 'error'


def freeze():
    here = os.path.dirname(os.path.abspath(__file__))
    for kind in READERS:
        for path in sorted(glob.glob(os.path.join(here, 'corpus', kind, '*.' + kind))):
            with open(path + '.expected', 'w', encoding='ascii') as f:
                f.write(expect(kind, path) + '\n')


if __name__ == '__main__':
    if sys.argv[1] == '--freeze':
        freeze()
    else:
        for name in sys.argv[2:]:
            print(expect(sys.argv[1], name))

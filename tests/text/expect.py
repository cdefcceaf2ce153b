#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The oracle of text/: Python's re and fnmatch.

    expect.py < CASES         prints one answer for each line of cases
    expect.py --freeze FILE   writes FILE.expected

A case has fields between tabs; in the text field \\n, \\t and \\\\ are escapes:

    search|match|fullmatch|findall  FLAGS  PATTERN  TEXT
    sub                             FLAGS  PATTERN  TEXT  REPLACEMENT  [COUNT]
    escape                          -      TEXT
    glob                            -      PATTERN  TEXT

Answers are offsets in bytes, as 0-3(0-1,none), one after the other; the replaced text; true
or false; or "error".
"""
import fnmatch
import re
import sys
import warnings

warnings.simplefilter('ignore')


def unescape(text):
    return re.sub(r'\\(.)', lambda m: {'n': '\n', 't': '\t', 'r': '\r'}.get(m[1], m[1]), text)


def escape(text):
    text = text.replace('\\', '\\\\').replace('\0', '\\0')
    return text.replace('\n', '\\n').replace('\t', '\\t').replace('\r', '\\r')


def span(text, start, end):
    if start < 0:
        return 'none'
    return '%d-%d' % (len(text[:start].encode()), len(text[:end].encode()))


def show(match):
    if not match:
        return 'no'
    groups = [span(match.string, *match.span(i)) for i in range(1, match.re.groups + 1)]
    return span(match.string, *match.span()) + '(' + ','.join(groups) + ')'


def flags(letters):
    value = 0
    for c in letters:
        value |= getattr(re, c.upper()) if c != '-' else 0
    return value


def answer(fields):
    operation = fields[0]
    if operation == 'escape':
        return escape(re.escape(unescape(fields[2])))
    if operation == 'glob':
        return 'true' if fnmatch.fnmatchcase(unescape(fields[3]), fields[2]) else 'false'
    pattern = re.compile(fields[2], flags(fields[1]))
    text = unescape(fields[3])
    if operation == 'sub':
        count = int(fields[5]) if len(fields) > 5 else 0
        return escape(pattern.sub(fields[4], text, count=count))
    if operation == 'findall':
        return ' '.join(show(m) for m in pattern.finditer(text)) or 'no'
    return show(getattr(pattern, operation)(text))


def answers(lines):
    for line in lines:
        try:
            yield answer(line.rstrip('\n').split('\t'))
        except (re.error, IndexError, OverflowError):
            yield 'error'


if __name__ == '__main__':
    if sys.argv[1:2] == ['--freeze']:
        with open(sys.argv[2], encoding='utf-8') as cases, \
                open(sys.argv[2] + '.expected', 'w', encoding='utf-8') as out:
            out.writelines(a + '\n' for a in answers(cases))
    else:
        sys.stdin.reconfigure(encoding='utf-8')
        sys.stdout.reconfigure(encoding='utf-8')
        for a in answers(sys.stdin):
            print(a)

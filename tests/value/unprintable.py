#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes src/value/unprintable.inc: the characters that Python's repr escapes.

Those are the ones for which str.isprintable is false, as ranges, from Unicode 14.0 (Python
3.11). Usage: unprintable.py > ../../src/value/unprintable.inc
"""
import unicodedata


def ranges():
    start = None
    for c in range(0x110000):
        if not chr(c).isprintable():
            start = c if start is None else start
        elif start is not None:
            yield start, c - 1
            start = None
    yield start, 0x10ffff


print('/* SPDX-License-Identifier: Apache-2.0 */')
print('/* Made by tests/value/unprintable.py from Unicode %s. */' % unicodedata.unidata_version)
line = ''
for first, last in ranges():
    item = '{0x%x, 0x%x},' % (first, last)
    if len(line) + len(item) > 94:
        print(line)
        line = ''
    line += (' ' if line else '') + item
print(line)

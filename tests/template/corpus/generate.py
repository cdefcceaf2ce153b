#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes generated.yaml: random expressions (from a fixed seed) for freeze.py to freeze."""
import pathlib
import random

import yaml

NUMBERS = ["0", "1", "-1", "7", "-13", "2.5", "-0.75", "1e3", "9223372036854775807",
           "-9223372036854775808", "123456789012345678901234567890",
           "-98765432109876543210987", "1e-7", "true", "false"]
OPERATORS = ["+", "-", "*", "/", "//", "%"]
COMPARISONS = ["==", "!=", "<", "<=", ">", ">="]
TEXTS = ["''", "'a'", "'abc'", "'héllo wörld'", "'a,b,,c'", "'  x y '", "'世界'", "'A1b2'"]
METHODS = ["upper()", "lower()", "title()", "capitalize()", "swapcase()", "strip()", "split()",
           "split(',')", "rsplit(',', 1)", "splitlines()", "isalpha()", "isdigit()", "isalnum()",
           "islower()", "isupper()", "istitle()", "isspace()", "zfill(6)", "center(7, '*')",
           "ljust(5)", "rjust(5, '.')", "find('b')", "count('')", "replace('', '-')",
           "replace('b', 'xx', 1)", "partition('b')", "rpartition('b')", "startswith('a')",
           "endswith('c')", "join(['x', 'y'])", "isidentifier()", "isascii()", "expandtabs()",
           "encode() | length", "index('zz')", "removeprefix('a')", "removesuffix('c')"]
SPECS = ["d", "5d", "05d", "+d", "x", "#x", "o", "b", "X", "e", ".2f", "8.3f", ",", "_", "%",
         ".3e", "g", "n", "<8", ">8", "^8", "*^9", "=+8", " d", "c", "s", ".2", "#b", "020,.2f"]
PERCENTS = ["%d", "%5d", "%-5d|", "%05d", "%+d", "%x", "%#x", "%o", "%e", "%.2f", "%8.3f", "%g",
            "%s", "%r", "%10s", "%-10s|", "%.2s", "% d", "%c", "%i", "%G", "%E"]
SHOWN = ["0", "5", "-42", "1234567", "3.14159", "-2.5e-5", "1e20", "true", "'abc'", "'é'",
         "123456789012345678901234567890", "255"]
BOUNDS = ["", "0", "1", "-1", "2", "-2", "5", "-9", "99"]


def number(rng, depth=0):
    if depth > 2 or rng.random() < 0.4:
        return rng.choice(NUMBERS)
    return f"({number(rng, depth + 1)} {rng.choice(OPERATORS)} {number(rng, depth + 1)})"


def expressions(rng):
    for _ in range(120):
        yield number(rng)
    for _ in range(40):
        yield f"{number(rng, 2)} {rng.choice(COMPARISONS)} {number(rng, 2)}"
    for _ in range(20):
        yield f"{rng.choice(['2', '-3', '0.5', '10', '7'])} ** {rng.choice(['0', '1', '5', '-2', '64', '0.5'])}"
    for text in TEXTS:
        for method in rng.sample(METHODS, 12):
            yield f"{text}.{method}"
    for _ in range(60):
        step = rng.choice(["", ":", ":1", ":-1", ":2", ":-2"])
        value = rng.choice(TEXTS + ["[1, 2, 3, 4, 5]", "(1, 2, 3)", "[]"])
        yield f"{value}[{rng.choice(BOUNDS)}:{rng.choice(BOUNDS)}{step}]"
    for _ in range(60):
        yield f"'{{:{rng.choice(SPECS)}}}'.format({rng.choice(SHOWN)})"
    for _ in range(60):
        yield f"'{rng.choice(PERCENTS)}' % {rng.choice(SHOWN)}"
    for _ in range(30):
        items = ", ".join(rng.choice(NUMBERS + TEXTS) for _ in range(3))
        yield f"[{items}] | sort"
    for _ in range(30):
        yield f"{rng.choice(NUMBERS)} | {rng.choice(['int', 'float', 'abs', 'round', 'round(2)', 'string', 'bool'])}"


def main():
    rng = random.Random(20240229)
    # In braces of their own, so that "}}" never ends the print statement early.
    seen = dict.fromkeys("{{ %s }}" % expression for expression in expressions(rng))
    text = yaml.safe_dump({"vars": {}, "ansible": list(seen), "jinja": []},
                          allow_unicode=True, width=100)
    path = pathlib.Path(__file__).parent / "generated.yaml"
    path.write_text("# SPDX-License-Identifier: Apache-2.0\n" + text, encoding="utf-8")


main()

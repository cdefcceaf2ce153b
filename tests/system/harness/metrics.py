# SPDX-License-Identifier: Apache-2.0
"""Reads the text that Prometheus scrapes, strictly: what it would refuse is an error here."""

import re

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|(?=\}))')
_ESCAPE = re.compile(r'\\(["\\n])')


def _unescape(text):
    return _ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], text)


def _sample(line):
    """(name, labels, value) of a line that is a sample."""
    name = _NAME.match(line)
    if not name:
        raise ValueError(f"no metric's name: {line!r}")
    rest, labels = line[name.end():], {}
    if rest.startswith("{"):
        at = 1
        while rest[at] != "}":
            label = _LABEL.match(rest, at)
            if not label or label[1] in labels:
                raise ValueError(f"no label at {at} of {rest!r}")
            labels[label[1]] = _unescape(label[2])
            at = label.end()
        rest = rest[at + 1:]
    words = rest.split(" ")
    if len(words) != 2 or words[0]:
        raise ValueError(f"a blank and a value expected, found {rest!r}")
    return name[0], labels, float(words[1])


def parse(text):
    """{metric: {labels as a sorted tuple: value}} of a textfile."""
    metrics, helped, current = {}, set(), None
    if text and not text.endswith("\n"):
        raise ValueError("the last line has no end")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, help_text = line[len("# HELP "):].split(" ", 1)
            if name in helped or not help_text:
                raise ValueError(f"HELP of {name} twice, or empty")
            helped.add(name)
        elif line.startswith("# TYPE "):
            name, kind = line[len("# TYPE "):].split(" ")
            if name in metrics or kind not in ("gauge", "counter"):
                raise ValueError(f"TYPE of {name} twice, or {kind}")
            metrics[name], current = {}, name
        else:
            name, labels, value = _sample(line)
            key = tuple(sorted(labels.items()))
            if name != current or name not in helped or key in metrics[name]:
                raise ValueError(f"not below its TYPE and HELP, or twice: {line!r}")
            metrics[name][key] = value
    return metrics


def value(metrics, name, **labels):
    """The one sample of a metric that has these labels, whatever others it has."""
    found = [number for key, number in metrics[name].items()
             if labels.items() <= dict(key).items()]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} samples of {name} with {labels}")
    return found[0]


def labels(metrics, name, **known):
    """All labels of the one sample that has the known ones."""
    found = [dict(key) for key in metrics[name] if known.items() <= dict(key).items()]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} samples of {name} with {known}")
    return found[0]

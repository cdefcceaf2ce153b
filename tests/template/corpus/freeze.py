#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Freezes what ansible-core 2.19 and Jinja2 3.1 make of the templates in *.yaml, as *.json.

Run it where both are importable, for instance:

    python3 -m venv /tmp/oracle && /tmp/oracle/bin/pip install 'ansible-core==2.19.*'
    /tmp/oracle/bin/python tests/template/corpus/freeze.py

A source has `vars`, and lists of templates under `ansible` (native types, strings in YAML),
`jinja` (Jinja2 alone, StrictUndefined, always text) and `files` (names to text, for include,
import and extends). A frozen case is [template, kind, result]: kind is "value" with the result,
or one of "syntax", "undefined", "runtime".

`differences` lists [template, oracle, our kind, our result, why]: where we differ on purpose.
Its frozen case then holds our answer, with the oracle's and the reason behind it.
"""
import copy
import json
import pathlib
import re
import sys
import warnings

import jinja2
import jinja2.defaults
import yaml
from ansible.errors import AnsibleTemplateSyntaxError, AnsibleUndefinedVariable
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible.utils.display import Display

HERE = pathlib.Path(__file__).parent
EXTENSIONS = ["jinja2.ext.do", "jinja2.ext.loopcontrols"]


def trusted(value):
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, list):
        return [trusted(item) for item in value]
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    return value


def plain(value):
    """What a result is as JSON: exact, or an error for what JSON cannot say."""
    return json.loads(json.dumps(value, default=lambda o: o.isoformat()))


def by_ansible(template, variables):
    templar = Templar(loader=DataLoader(), variables=trusted(variables))
    try:
        return "value", plain(templar.template(trust_as_template(template)))
    except AnsibleTemplateSyntaxError as error:
        return "syntax", str(error)
    except AnsibleUndefinedVariable as error:
        return "undefined", str(error)
    except Exception as error:  # whatever else goes wrong is one kind
        return "runtime", str(error)


def by_jinja(template, variables, files):
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, extensions=EXTENSIONS,
        loader=jinja2.DictLoader(files))
    try:
        return "value", environment.from_string(template).render(variables)
    except jinja2.UndefinedError as error:
        return "undefined", str(error)
    except jinja2.TemplateNotFound as error:
        return "undefined", str(error)
    except jinja2.TemplateSyntaxError as error:
        return "syntax", str(error)
    except Exception as error:
        return "runtime", str(error)


def steady(result):
    """Without the addresses that Python shows for some objects."""
    return re.sub("0x[0-9a-f]{6,}", "0x...", result) if isinstance(result, str) else result


def case(oracle, template, kind, result, differences):
    if (oracle, template) not in differences:
        return [template, kind, result]
    our_kind, our_result, why = differences[oracle, template]
    if [our_kind, our_result] == [kind, result]:
        sys.exit(f"{template}: no longer differs from {oracle}")
    return [template, our_kind, our_result, {"oracle": [kind, steady(result)], "why": why}]


def freeze(path):
    source = yaml.safe_load(path.read_text(encoding="utf-8"))
    variables = source.get("vars", {})
    files = source.get("files", {})
    differences = {(d[1], d[0]): d[2:] for d in source.get("differences", [])}
    frozen = {"vars": variables, "files": files, "ansible": [], "jinja": []}
    for template in source.get("ansible", []):
        kind, result = by_ansible(template, copy.deepcopy(variables))
        frozen["ansible"].append(case("ansible", template, kind, result, differences))
    for template in source.get("jinja", []):
        kind, result = by_jinja(template, copy.deepcopy(variables), files)
        frozen["jinja"].append(case("jinja", template, kind, result, differences))
    text = json.dumps(frozen, indent=1, ensure_ascii=False, allow_nan=True)
    path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    return len(frozen["ansible"]) + len(frozen["jinja"])


def names_of(kind):
    """The names that Jinja2 and ansible-core register: what ours must have or docs must list."""
    import ansible.plugins
    folder = pathlib.Path(ansible.plugins.__path__[0]) / kind
    endings = {".yml"} if kind != "lookup" else {".py"}
    names = {path.stem for path in folder.iterdir() if path.suffix in endings}
    names |= set({"filter": jinja2.defaults.DEFAULT_FILTERS,
                  "test": jinja2.defaults.DEFAULT_TESTS, "lookup": {}}[kind])
    return sorted(names - {"__init__"})


def main():
    names = {kind: names_of(kind) for kind in ("filter", "test", "lookup")}
    (HERE / "names.json").write_text(json.dumps(names, indent=1) + "\n", encoding="utf-8")
    Display().deprecated = lambda *args, **kwargs: None
    Display().warning = lambda *args, **kwargs: None
    warnings.simplefilter("ignore")
    for path in sorted(HERE.glob("*.yaml")):
        print(path.name, freeze(path), file=sys.stderr)


main()

#!/bin/sh
[ "$1" = --list ] || exit 3
cat <<'END'
{
  "web": {"hosts": ["h1", "h2"], "vars": {"a": 1}, "children": ["inner", "declared_nowhere"]},
  "inner": ["h3"],
  "single": {"x": 1, "y": [1.0, {"z": null}]},
  "empty": {"hosts": []},
  "_meta": {"hostvars": {"h1": {"v": "one", "big": 123456789012345678901}, "stranger": {"v": 2}}}
}
END

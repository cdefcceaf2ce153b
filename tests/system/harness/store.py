# SPDX-License-Identifier: Apache-2.0
"""A site as an operator has one: a store of model versions, a registry, an inventory.

Contents are made from a seed, so the same call makes the same bytes. They are like float32
weights: three bytes of four are noise, the fourth has few values; zstd saves about a sixth.
"""

import json
import random
from pathlib import Path

_EXPONENTS = bytes((0x3b, 0x3c, 0x3d, 0xbb, 0xbc, 0xbd, 0x3c, 0xbc)[i % 8] for i in range(256))


def weights(size, seed):
    """`size` bytes that look like a model's weights."""
    data = bytearray(random.Random(seed).randbytes(size))
    data[3::4] = data[3::4].translate(_EXPONENTS)
    return bytes(data)


def retrained(data, seed, share=0.02):
    """The data with `share` of its bytes new, in a few places, and one insertion that shifts
    what follows: a later version of the same model."""
    source = random.Random(seed)
    changed = bytearray(data)
    places = 8
    length = max(1, int(len(data) * share / places))
    for _ in range(places):
        start = source.randrange(max(1, len(data) - length))
        changed[start:start + length] = source.randbytes(length)
    middle = len(changed) // 3
    changed[middle:middle] = source.randbytes(min(1000, length))
    return bytes(changed)


def yaml(value, indent=0):
    """Mappings, lists and scalars as the YAML that a person would write."""
    space = "  " * indent
    if isinstance(value, dict) and value:
        return "".join(f"{space}{_scalar(key)}:{_nested(item, indent)}"
                       for key, item in value.items())
    if isinstance(value, list) and value:
        return "".join(f"{space}-{_nested(item, indent)}" for item in value)
    return f"{space}{_scalar(value)}\n"


def _nested(value, indent):
    if isinstance(value, (dict, list)) and value:
        return "\n" + yaml(value, indent + 1)
    return f" {_scalar(value)}\n"


def _scalar(value):
    if isinstance(value, str) and value.replace("_", "").isalnum() and not value[0].isdigit() \
            and value.lower() not in ("yes", "no", "on", "off", "true", "false", "null", "y", "n"):
        return value
    return json.dumps(value)


class Site:
    """Store, registry and inventory below one directory."""

    def __init__(self, directory):
        self.directory = Path(directory).absolute()
        self.store = self.directory / "model_registry"
        self.inventory = self.directory / "inventory"
        self.models = {}
        for path in (self.store, self.inventory / "group_vars/all",
                     self.inventory / "group_vars/outposts", self.inventory / "host_vars"):
            path.mkdir(parents=True, exist_ok=True)

    def version_path(self, model, version):
        return self.store / model / version

    def add_version(self, model, version, files, **settings):
        """Writes a version's files ({name: bytes}) and makes it the model's current one."""
        for name, data in files.items():
            path = self.version_path(model, version) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        entry = self.models.setdefault(model, {"current_version": None, "previous_version": None})
        entry.update(settings)
        self.set_current(model, version)

    def set_current(self, model, version):
        """Makes a version the current one, as an edit of the registry would."""
        entry = self.models[model]
        if entry["current_version"] != version:
            entry["previous_version"] = entry["current_version"]
            entry["current_version"] = version
        self.write_registry()

    def write_registry(self):
        path = self.inventory / "group_vars/all/model_registry.yaml"
        path.write_text("# Which version of each model is current; deploy-models reads this.\n"
                        + yaml({"sentinelcam_models": self.models}))

    def write_inventory(self, sentinels, outposts, registry_path, outpost_models,
                        datasink=None, **variables):
        """Writes hosts.yaml and the group variables.

        `sentinels` and `outposts` map a host's name to its variables. `registry_path` is where
        models go on a node. `datasink` has the variables by which the primary datasink is
        reached; it keeps the store, and is this machine unless they say otherwise.
        """
        keeper = {**(datasink or {"ansible_connection": "local"}),
                  "sentinelcam_model_registry": str(self.store)}
        self._write("hosts.yaml", {"all": {"children": {
            "sentinels": {"hosts": sentinels},
            "outposts": {"hosts": outposts},
            "datasinks": {"hosts": {"datasink": keeper}},
        }}})
        self._write("group_vars/all/sentinelcam_standards.yaml", {
            "primary_datasink": "datasink", "sentinelcam_model_registry": registry_path,
            **variables})
        self._write("group_vars/outposts/models.yaml", {"outpost_models": outpost_models})

    def write_host(self, name, variables):
        """Writes host_vars/NAME.yaml."""
        self._write(f"host_vars/{name}.yaml", variables)

    def _write(self, name, value):
        (self.inventory / name).write_text(yaml(value))

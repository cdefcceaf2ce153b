# SPDX-License-Identifier: Apache-2.0
"""Real packages: a .deb by dpkg-deb, a wheel by hand, and a pip for hosts that have none."""

import random
import shutil
import subprocess
import zipfile
from pathlib import Path

SITE = "usr/local/lib/python3.11/dist-packages"


def build_deb(directory, version, name, more="", architecture="all"):
    """Builds a package; returns its path. `more` is further lines of its control file."""
    tree = Path(directory) / f"{name}_{version.rpartition(':')[2]}_{architecture}"
    (tree / "DEBIAN").mkdir(parents=True, exist_ok=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n{more}"
        "Maintainer: Nobody <nobody@example.org>\nDescription: a driver\n")
    (tree / "usr/share").mkdir(parents=True, exist_ok=True)
    (tree / "usr/share" / name).write_bytes(random.Random(version).randbytes(200_000))
    path = Path(f"{tree}.deb")
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, path], check=True,
                   capture_output=True)
    shutil.rmtree(tree)
    return path


def build_wheel(directory, version, name, requires=(), tag="py3-none-any"):
    """Makes a wheel whose module tells its `version`; returns its path."""
    path = Path(directory) / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {text}\n" for text in requires)
    files = {f"{name}.py": f"version = '{version}'\n",
             f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\n"
                                 f"Version: {version}\n{needs}",
             f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: a test\n"
                              f"Root-Is-Purelib: true\nTag: {tag}\n"}
    record = f"{info}/RECORD"
    files[record] = "".join(f"{file},,\n" for file in [*files, record])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return path


def pip_of_this_machine():
    """The directory of a pip that is nothing but Python, or None."""
    try:
        import pip
    except ImportError:
        return None
    return Path(pip.__path__[0])


def give_pip(host):
    """Puts this machine's pip onto a booted host."""
    site = host.root / SITE
    site.mkdir(parents=True, exist_ok=True)
    pip = pip_of_this_machine()
    shutil.copytree(pip, site / "pip", ignore=shutil.ignore_patterns("__pycache__"))
    for info in pip.parent.glob("pip-*.dist-info"):
        shutil.copytree(info, site / info.name)

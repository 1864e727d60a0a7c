"""Ask the package index whether every compiled run-time dependency has a Windows wheel at the locked version.

Nothing is downloaded but the list of files of each package: ``pip index versions`` is asked as if from a 64-bit
Windows with Python 3.11. Exit codes: 0 all there, 1 some are missing, 3 the index does not answer.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
WINDOWS = {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "extra": ""}
TARGET = ("--platform", "win_amd64", "--python-version", "3.11", "--only-binary=:all:")
#: A package without compiled code that the project needs: it tells whether the index answers at all.
PROBE = "folium"
MISSING, NO_INDEX = 1, 3
SECONDS = 20


def locked() -> dict[str, str]:
    """Return the locked version of each package, by its canonical name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def needed_on_windows() -> set[str]:
    """Return the canonical names of all packages a run needs on Windows, dependencies of dependencies included."""
    waiting = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    found: set[str] = set()
    while waiting:
        wanted = Requirement(waiting.pop())
        name = canonicalize_name(wanted.name)
        if name in found or (wanted.marker is not None and not wanted.marker.evaluate(WINDOWS)):
            continue
        found.add(name)
        try:
            waiting += metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # needed on Windows alone
            continue
    return found


def is_compiled(name: str) -> bool:
    """Return whether the installed wheel of a package is bound to a platform; unknown counts as compiled."""
    try:
        wheel = metadata.distribution(name).read_text("WHEEL") or ""
    except metadata.PackageNotFoundError:
        return True
    tags = [line.removeprefix("Tag:").strip() for line in wheel.splitlines() if line.startswith("Tag:")]
    return not tags or not all(tag.endswith("-any") for tag in tags)


def versions(name: str, *target: str) -> list[str]:
    """Return the versions of a package the index has files of, for a target; none where there are none or no answer."""
    command = [sys.executable, "-m", "pip", "index", "versions", name, *target]
    environment = os.environ | {"PIP_RETRIES": "0", "PIP_DEFAULT_TIMEOUT": str(SECONDS)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    for line in done.stdout.splitlines():
        head, _, listed = line.partition(":")
        if head.strip() == "Available versions":
            return [version.strip() for version in listed.split(",")]
    return []


def main() -> int:
    """Print one line for each compiled package and return the exit code."""
    pins = locked()
    if not versions(PROBE):
        print("The package index does not answer.", file=sys.stderr)
        return NO_INDEX
    compiled = sorted(name for name in needed_on_windows() if is_compiled(name))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda name: versions(name, *TARGET) or versions(name, *TARGET), compiled))
    missing = 0
    for name, answer in zip(compiled, answers, strict=True):
        pin = pins.get(name)  # what only Windows needs is not locked here: any version will do
        good = bool(answer) if pin is None else pin in answer
        missing += not good
        print(f"{'ok     ' if good else 'MISSING'} {name} {pin or '(not locked)'}")
    return MISSING if missing else 0


if __name__ == "__main__":
    sys.exit(main())

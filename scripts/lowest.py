"""Print the oldest versions pyproject.toml allows, as ``name==version`` lines: constraints for ``make lowest``."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*>=\s*([0-9][0-9.]*)")
EXTRAS = ("notebook", "test")


def pins(pyproject: Path) -> list[str]:
    """Return ``name==lower bound`` of every requirement and of the extras the tests need.

    Raises
    ------
    ValueError
        A requirement names no lower bound.
    """
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(r for extra in EXTRAS for r in project["optional-dependencies"][extra])]
    found = []
    for requirement in wanted:
        if requirement.startswith(project["name"]):
            continue
        match = REQUIREMENT.match(requirement)
        if match is None:
            message = f"{pyproject}: {requirement!r} names no lower bound"
            raise ValueError(message)
        found.append(f"{match[1]}=={match[2]}")
    return found


if __name__ == "__main__":
    print("\n".join(pins(Path(__file__).resolve().parents[1] / "pyproject.toml")))

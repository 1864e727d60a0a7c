"""How soon the command answers, and how fast coordinates convert: the best of several rounds, printed, never asserted.

Bars: ``--help`` in 0.5 s, ``check`` of a study with a typing error in 1 s, a million points to GCJ-02 in 0.5 s.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.geo.coordinates import wgs84_to_gcj02

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5
CALL = [sys.executable, "-c", "from servicecircle.cli import main; main()"]


def best(work: Callable[[], object]) -> float:
    """Return the shortest of several rounds in seconds."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def command(*arguments: str) -> Callable[[], object]:
    """Return a call of the command line in a process of its own."""
    return lambda: subprocess.run([*CALL, *arguments], capture_output=True, check=False)


def main() -> None:
    """Measure and print."""
    random = np.random.default_rng(1)
    lon, lat = random.uniform(100, 120, 1_000_000), random.uniform(20, 40, 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        typo = Path(folder) / "typo.toml"
        typo.write_text('[study]\nnmae = "x"\n', encoding="utf-8")
        print(f"--help                       {best(command('--help')):6.2f} s  (bar 0.5)")
        print(f"check of a typing error      {best(command('check', str(typo))):6.2f} s  (bar 1.0)")
    print(f"1,000,000 points to GCJ-02   {best(lambda: wgs84_to_gcj02(lon, lat)):6.2f} s  (bar 0.5)")


if __name__ == "__main__":
    main()

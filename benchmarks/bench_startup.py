"""How soon the command answers: the best of several rounds, printed, never asserted.

Bars: ``--help`` in 0.5 s, ``check`` of a study with a typing error in 1 s.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

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
    with tempfile.TemporaryDirectory() as folder:
        typo = Path(folder) / "typo.toml"
        typo.write_text('[study]\nnmae = "x"\n', encoding="utf-8")
        print(f"--help                       {best(command('--help')):6.2f} s  (bar 0.5)")
        print(f"check of a typing error      {best(command('check', str(typo))):6.2f} s  (bar 1.0)")


if __name__ == "__main__":
    main()

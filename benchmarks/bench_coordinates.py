"""How fast a million points convert, there and back: the best of several rounds, printed, never asserted.

Bar: forward to GCJ-02 in 0.5 s; the way back is exact by iteration and has none.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.geo.coordinates import bd09_to_gcj02, gcj02_to_bd09, gcj02_to_wgs84, wgs84_to_gcj02

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5
POINTS = 1_000_000


def best(work: Callable[[], object]) -> float:
    """Return the shortest of several rounds in seconds of the processor, whoever else uses the machine."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def main() -> None:
    """Measure and print."""
    random = np.random.default_rng(1)
    lon, lat = random.uniform(100, 120, POINTS), random.uniform(20, 40, POINTS)
    print(f"{POINTS:,} points")
    print(f"WGS 84 to GCJ-02   {best(lambda: wgs84_to_gcj02(lon, lat)):6.2f} s  (bar 0.5)")
    print(f"GCJ-02 to WGS 84   {best(lambda: gcj02_to_wgs84(lon, lat)):6.2f} s")
    print(f"GCJ-02 to BD-09    {best(lambda: gcj02_to_bd09(lon, lat)):6.2f} s")
    print(f"BD-09 to GCJ-02    {best(lambda: bd09_to_gcj02(lon, lat)):6.2f} s")


if __name__ == "__main__":
    main()

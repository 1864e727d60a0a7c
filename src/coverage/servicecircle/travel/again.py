"""Access legs again under another limit or with other edges: what cannot have changed is not sought again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from servicecircle.travel.doors import LEGS_KEPT
from servicecircle.travel.reach import Places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.travel.doors import Access, AccessFinder


def relimited(finder: AccessFinder, people: Places, limit_m: float) -> Places:
    """Return people's points, attached by a finder, with the legs a search with another limit would keep.

    The first free legs among the nearest edges are kept: a shorter limit takes the longest away, and a longer one adds
    some only where a point has not found all it may keep.
    """
    if limit_m <= finder.limit_m:
        most_mm = round(limit_m * 1000)
        return Places(people.lon, people.lat, {mode: legs.shorter(most_mm) for mode, legs in people.access.items()})
    lacking = np.zeros(len(people.lon), dtype=bool)
    for legs in people.access.values():
        lacking |= np.bincount(legs.point, minlength=legs.points) < LEGS_KEPT
    points = np.flatnonzero(lacking)
    found = finder.limited(limit_m).find(people.lon[points], people.lat[points], people.access)
    access = {mode: _with(legs, found[mode], points) for mode, legs in people.access.items()}
    return Places(people.lon, people.lat, access)


def refound(finder: AccessFinder, people: Places, mode: str, edges: NDArray[np.int64]) -> Access:
    """Return the legs of people's points for one mode, some of whose edges have changed; far from them, as before.

    Parameters
    ----------
    finder : AccessFinder
        Of the network as it is now; the limit is that of the legs.
    edges : int64 array
        Edges that are now attached to and were not, or the other way round.
    """
    points = finder.near(people.lon, people.lat, edges)
    return _with(people.access[mode], finder.find(people.lon[points], people.lat[points], (mode,))[mode], points)


def _with(legs: Access, found: Access, points: NDArray[np.int64]) -> Access:
    """Return legs in which those of some points are the ones found for them."""
    sought = np.zeros(legs.points, dtype=bool)
    sought[points] = True
    return legs.without(sought).united(found, points)

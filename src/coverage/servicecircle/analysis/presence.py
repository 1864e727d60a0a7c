"""One per unit: how many facilities each village, town or county holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from servicecircle.inputs.units import unit_kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.analysis.world import World
    from servicecircle.standards.model import Criterion


def facilities_per_unit(
    world: World, criterion: Criterion, rows: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return which units the presence applies to, and the facilities counted for each.

    ``per`` decides the level: the unit itself, its parent (every unit of a town counts the town's facilities),
    or the whole area. A facility counts where it lies; outside every unit it counts nowhere.
    """
    standard = criterion.standard
    unit_of = world.facilities["unit"].to_numpy()[rows]
    unit_of = unit_of[unit_of >= 0]
    here = np.bincount(unit_of, minlength=len(world.units)).astype(np.int64)
    applies = world.applies(criterion)
    if standard.per == "village":
        return applies & (world.units["basis"].to_numpy() != "block"), here
    if standard.per == "county":
        return applies, np.full(len(world.units), here.sum(), dtype=np.int64)
    parents, group = np.unique(world.units["parent"].to_numpy().astype(str), return_inverse=True)
    known = parents != ""
    if standard.unit_kinds:
        known &= np.array([unit_kind(name) in (*standard.unit_kinds, "") for name in parents], dtype=bool)
    total = np.bincount(group, weights=here, minlength=len(parents)).astype(np.int64)
    return applies & known[group], total[group]

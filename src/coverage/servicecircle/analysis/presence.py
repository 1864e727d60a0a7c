"""One per unit: how many facilities each village, town or county holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.inputs.units import unit_kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.analysis.world import World
    from servicecircle.standards.model import Criterion


@dataclass(frozen=True)
class Presence:
    """Facilities counted at the level a presence asks for.

    Attributes
    ----------
    applies : bool array (units,)
        Units the presence applies to.
    group : int64 array (units,)
        What is counted in: the unit itself, its town, or the whole area.
    count : int64 array (units,)
        Facilities of the unit's group.
    """

    applies: NDArray[np.bool_]
    group: NDArray[np.int64]
    count: NDArray[np.int64]


def facilities_per_unit(world: World, criterion: Criterion, rows: NDArray[np.int64]) -> Presence:
    """Count facilities for each unit.

    ``per`` decides the level: the unit itself, its parent (every unit of a town counts the town's facilities),
    or the whole area. A facility counts where it lies; outside every unit it counts nowhere. Blocks are no
    villages, and units without a parent are in no town.
    """
    standard, units = criterion.standard, len(world.units)
    unit_of = world.facilities["unit"].to_numpy()[rows]
    here = np.bincount(unit_of[unit_of >= 0], minlength=units).astype(np.int64)
    applies = world.applies(criterion)
    if standard.per == "village":
        return Presence(applies & (world.units["basis"].to_numpy() != "block"), np.arange(units), here)
    if standard.per == "county":
        return Presence(applies, np.zeros(units, dtype=np.int64), np.full(units, here.sum(), dtype=np.int64))
    parents, group = np.unique(world.units["parent"].to_numpy().astype(str), return_inverse=True)
    known = parents != ""
    if standard.unit_kinds:
        known &= np.array([unit_kind(name) in (*standard.unit_kinds, "") for name in parents], dtype=bool)
    total = np.bincount(group, weights=here, minlength=len(parents)).astype(np.int64)
    return Presence(applies & known[group], group, total[group])

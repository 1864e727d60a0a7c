"""One per unit: how many facilities each village, town or county holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.inputs.units import town_of, unit_kind
from servicecircle.standards.vocabulary import accepts

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from servicecircle.analysis.world import World
    from servicecircle.standards.model import Criterion, Level


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


@dataclass(frozen=True)
class Groups:
    """The units of one level.

    Attributes
    ----------
    of_unit : int64 array (units,)
        Group of each unit, -1 for a unit in none (no town, a block, another kind).
    id, name : lists of str (groups,)
    what : str
        ``unit``, ``town`` or ``area``.
    """

    of_unit: NDArray[np.int64]
    id: list[str]
    name: list[str]
    what: str


def groups_of(units: gpd.GeoDataFrame, per: Level, unit_kinds: tuple[str, ...] = ()) -> Groups:
    """Return the groups a level counts in.

    Blocks are no villages, and units without a parent are in no town, unless they are towns or streets themselves; a
    town's kind is read from its name, and one whose name says nothing is any kind.
    """
    if per == "county":
        return Groups(np.zeros(len(units), dtype=np.int64), [""], [""], "area")
    if per == "village":
        mask = (units["basis"] != "block").to_numpy().copy()
        if unit_kinds:
            mask &= units["kind"].isin([*unit_kinds, ""]).to_numpy()
        of_unit = np.where(mask, np.cumsum(mask) - 1, -1)
        return Groups(of_unit, list(units["id"][mask]), list(units["name"][mask]), "unit")
    parents, group = np.unique(town_of(units).to_numpy().astype(str), return_inverse=True)
    known = parents != ""
    if unit_kinds:
        known &= np.array([unit_kind(name) in (*unit_kinds, "") for name in parents], dtype=bool)
    place = np.where(known, np.cumsum(known) - 1, -1)
    names = [str(name) for name in parents[known]]
    return Groups(place[group], names, names, "town")


def facilities_per_unit(world: World, criterion: Criterion, rows: NDArray[np.int64]) -> Presence:
    """Count facilities for each unit.

    ``per`` decides the level: the unit itself, its parent (every unit of a town counts the town's facilities),
    or the whole area. A facility counts where it lies; outside every unit it counts nowhere. With ``joint`` it counts
    in every unit it is said to serve as well. A unit that holds one of the ``hosts`` needs none of its own: it
    counts as having what is asked for.
    """
    standard, units = criterion.standard, len(world.units)
    applies = world.applies(criterion)
    groups = groups_of(world.units, standard.per, standard.unit_kinds if standard.per == "township" else ())
    inside = groups.of_unit >= 0
    applies = applies & inside
    group = np.arange(units) if standard.per == "village" else np.where(inside, groups.of_unit, len(groups.id))
    total = _counted(_pairs(world, rows, joint=standard.joint), group, units + 1)
    if standard.hosts:
        hosting = np.flatnonzero(world.facilities["type"].isin(accepts(standard.hosts)).to_numpy())
        hosted = _counted(_pairs(world, hosting, joint=False), group, units + 1) > 0
        total = np.where(hosted, np.maximum(total, criterion.limit), total)
    return Presence(applies, group, np.where(inside, total[group], 0))


def _counted(pairs: set[tuple[int, int]], group: NDArray[np.int64], groups: int) -> NDArray[np.int64]:
    """Return how many facilities each group has; one that serves two units of a group is one facility of it."""
    found = {(row, int(group[unit])) for row, unit in pairs}
    return np.bincount(np.array([at for _, at in found], dtype=np.int64), minlength=groups)


def _pairs(world: World, rows: NDArray[np.int64], *, joint: bool) -> set[tuple[int, int]]:
    """Return the facilities and the units they lie in or, jointly, serve."""
    unit_of = world.facilities["unit"].to_numpy()[rows]
    pairs = {(int(row), int(unit)) for row, unit in zip(rows, unit_of, strict=True) if unit >= 0}
    if joint:
        row_of = {str(code): int(row) for row, code in zip(rows, world.facilities["id"].to_numpy()[rows], strict=True)}
        unit_row = {str(code): row for row, code in enumerate(world.units["id"])}
        serving = world.links[world.links["link"] == "serves"]
        pairs |= {
            (row_of[one], unit_row[other])
            for one, other in zip(serving["facility_id"], serving["target_id"], strict=True)
            if one in row_of and other in unit_row
        }
    return pairs

"""What every judge works with: the world, what things have, and people by basis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from servicecircle.analysis.holdings import NO, UNKNOWN, YES
from servicecircle.analysis.presence import Groups, groups_of
from servicecircle.standards.vocabulary import accepts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from servicecircle.analysis.evaluate import ReachCache
    from servicecircle.analysis.holdings import Holdings
    from servicecircle.analysis.world import World
    from servicecircle.standards.model import Basis, Level, Need

#: What is counted when a record counts the facilities themselves.
COUNTED = "facilities"
#: The asset an input gives the people of a basis by.
PEOPLE: dict[Basis, str] = {
    "resident": "resident_population",
    "registered": "registered_population",
    "planning": "planning_population",
}


@dataclass(frozen=True)
class Chosen:
    """Facilities of the area a record is about.

    Attributes
    ----------
    rows : int64 array
        Rows of ``world.facilities``, ascending.
    of_type : int
        Facilities of the types, whatever they have.
    unknown : int
        Facilities left out because it is not known whether they have what the record needs.
    """

    rows: NDArray[np.int64]
    of_type: int
    unknown: int


@dataclass(frozen=True)
class Supply:
    """How much of an asset there is.

    Attributes
    ----------
    total : float or None
        None where no input says.
    unknown : int
        Facilities without a value although others of their type have one.
    """

    total: float | None
    unknown: int = 0


@dataclass(frozen=True)
class Bench:
    """A world, the searches made on it so far, and lookups that judges share."""

    world: World
    cache: ReachCache

    @property
    def holdings(self) -> Holdings:
        """What facilities, units and the area have."""
        return self.world.holdings

    def ids(self, rows: NDArray[np.int64]) -> list[str]:
        """Return the ids of some facilities."""
        return list(self.world.facilities["id"].to_numpy()[rows])

    def facilities(self, record: Any, *, types: tuple[str, ...] | None = None) -> Chosen:
        """Return the facilities inside the area that a record's types, ownership and needs name.

        An ownership or need of which nothing is known leaves a facility out, and is counted.
        """
        frame = self.world.facilities
        wanted = record.types if types is None else types
        mask = (frame["unit"] >= 0).to_numpy().copy()
        if wanted:
            mask &= frame["type"].isin(accepts(wanted)).to_numpy()
        of_type, owners = int(mask.sum()), frame["ownership"].to_numpy()
        state = np.full(len(frame), YES, dtype=np.int8)
        if getattr(record, "ownership", ()):
            state = np.where(owners == "", UNKNOWN, np.isin(owners, record.ownership)).astype(np.int8)
        of_needs = self.holdings.states("facility", list(frame["id"]), getattr(record, "needs", ()))
        state = np.where((state == NO) | (of_needs == NO), NO, np.minimum(state, of_needs))
        rows = np.flatnonzero(mask & (state == YES)).astype(np.int64)
        return Chosen(rows, of_type, int((mask & (state == UNKNOWN)).sum()))

    def of_types(self, types: tuple[str, ...]) -> NDArray[np.int64]:
        """Return the facilities inside the area of some types, whatever else they are."""
        frame = self.world.facilities
        mask = (frame["unit"] >= 0).to_numpy() & frame["type"].isin(accepts(types)).to_numpy()
        return np.flatnonzero(mask).astype(np.int64)

    def supply(self, asset: str, chosen: Chosen, *, whole_area: bool) -> Supply:
        """Return how much of an asset some facilities have together.

        Parameters
        ----------
        whole_area : bool
            Whether the facilities are all there are: a value given for the area then counts instead of the sum.

        Notes
        -----
        A type of which no facility has a value does not keep the asset: its facilities are not unknown.
        """
        if asset == COUNTED:
            return Supply(float(len(chosen.rows)), chosen.unknown)
        if whole_area and (given := self.holdings.area(asset)) is not None:
            return Supply(given)
        values = self.holdings.values("facility", self.ids(chosen.rows), asset)
        known = ~np.isnan(values)
        if not known.any():
            return Supply(None, len(values))
        kinds = self.world.facilities["type"].to_numpy()[chosen.rows]
        unknown = int((~known & np.isin(kinds, kinds[known])).sum())
        return Supply(math.fsum(values[known]), unknown + chosen.unknown)

    def people(self, basis: Basis) -> float | None:
        """Return the people of a basis: as the area's value, as the units' values, or (residents) as counted."""
        given = self.holdings.area(PEOPLE[basis])
        if given is not None:
            return given
        values = self.holdings.values("unit", list(self.world.units["id"]), PEOPLE[basis])
        if len(values) and not np.isnan(values).any():
            return math.fsum(values)
        return math.fsum(self.world.unit_persons) if basis == "resident" else None

    def bases(self, basis: Basis | None) -> dict[Basis, float]:
        """Return people by basis: of the one a plan names, else of every one that is known, residents first."""
        wanted: tuple[Basis, ...] = (basis,) if basis else ("resident", "registered")
        return {one: people for one in wanted if (people := self.people(one)) is not None}

    def groups(self, per: Level, unit_kinds: tuple[str, ...] = ()) -> Groups:
        """Return the units of a level."""
        return groups_of(self.world.units, per, unit_kinds)

    def summed(self, rows: NDArray[np.int64], groups: Groups, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the known values of some facilities summed by group, NaN for a group without any."""
        unit = self.world.facilities["unit"].to_numpy()[rows]
        group = np.where(unit >= 0, groups.of_unit[np.maximum(unit, 0)], -1)
        found = [[] for _ in groups.name]  # type: list[list[float]]
        for at, value in zip(group, values, strict=True):
            if at >= 0 and not math.isnan(value):
                found[at].append(float(value))
        return np.array([math.fsum(one) if one else math.nan for one in found], dtype=np.float64)


def met_all(states: Iterable[int]) -> tuple[int, int, int]:
    """Return how many are yes, no and unknown."""
    found = list(states)
    return found.count(YES), found.count(NO), found.count(UNKNOWN)


def need_codes(needs: Iterable[Need]) -> tuple[str, ...]:
    """Return the attributes some needs ask for, each once."""
    return tuple(dict.fromkeys(code for need in needs for code in (need.has, need.share_of) if code))

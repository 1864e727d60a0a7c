"""What every judge works with: the world, what things have, and people by basis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from servicecircle.analysis.holdings import NO, UNKNOWN, YES, Holdings
from servicecircle.analysis.presence import Groups, groups_of
from servicecircle.analysis.select import counting
from servicecircle.inputs.units import town_of
from servicecircle.standards.faults import COUNTED
from servicecircle.standards.vocabulary import accepts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from servicecircle.analysis.evaluate import ReachCache
    from servicecircle.analysis.world import World
    from servicecircle.standards.model import Basis, Level, Need

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
    doubtful : int64 array
        Rows left out because it is not known whether they have what the record needs.
    """

    rows: NDArray[np.int64]
    of_type: int
    doubtful: NDArray[np.int64]

    @property
    def unknown(self) -> int:
        """Facilities of which it is not known whether they count."""
        return len(self.doubtful)


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

    @cached_property
    def holdings(self) -> Holdings:
        """What facilities, units and the area have; what a unit that is a town has is the town's too."""
        units, holdings = self.world.units, self.world.holdings
        towns = town_of(units).where(units["parent"] == "", "")
        names = {str(code): str(town) for code, town in zip(units["id"], towns, strict=True) if town}
        frame = holdings.frame
        mine = frame[(frame["of"] == "unit") & frame["target_id"].isin(list(names))]
        if not len(mine):
            return holdings
        # values given for the town by name come last: of one year they count
        as_towns = mine.assign(of="town", target_id=mine["target_id"].map(names))
        return Holdings(pd.concat([as_towns, frame], ignore_index=True))

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
        of_type, state = int(mask.sum()), counting(frame, record, self.holdings)
        rows, doubtful = (np.flatnonzero(mask & (state == one)).astype(np.int64) for one in (YES, UNKNOWN))
        return Chosen(rows, of_type, doubtful)

    def knows(self, types: Iterable[str]) -> bool:
        """Return whether any input holds a facility of some types, wherever it lies: none inside is then none."""
        return bool(self.world.known["type"].isin(accepts(types)).any())

    def lacks(self, record: Any, chosen: Chosen) -> tuple[str, ...]:
        """Return what no input holds of the facilities a record is about; empty where some are known to count, or none.

        The types of which no facility is known; where all that could count are doubtful, what would tell.
        """
        if record.types and not self.knows(record.types):
            return tuple(record.types)
        if len(chosen.rows) or not chosen.unknown:
            return ()
        owners = self.world.facilities["ownership"].to_numpy()[chosen.doubtful]
        ids, needs = self.ids(chosen.doubtful), getattr(record, "needs", ())
        told = [code for code in need_codes(needs) if np.isnan(self.holdings.values("facility", ids, code)).any()]
        owner = ("ownership",) if getattr(record, "ownership", ()) and (owners == "").any() else ()
        return (*owner, *told) or need_codes(needs)

    def values(self, rows: NDArray[np.int64], asset: str) -> NDArray[np.float64]:
        """Return how much of an asset each facility has, NaN where unknown; a facility is one facility."""
        if asset == COUNTED:
            return np.ones(len(rows))
        return self.holdings.values("facility", self.ids(rows), asset)

    def of_types(self, types: tuple[str, ...]) -> NDArray[np.int64]:
        """Return the facilities of some types, whatever else they are; a neighbour across the border is one too."""
        return np.flatnonzero(self.world.facilities["type"].isin(accepts(types)).to_numpy()).astype(np.int64)

    def supply(self, asset: str, chosen: Chosen, *, whole_area: bool, named: Iterable[str] = ()) -> Supply:
        """Return how much of an asset some facilities have together.

        Parameters
        ----------
        whole_area : bool
            Whether the facilities are all there are: a value given for the area then counts instead of the sum.
        named : iterable of str
            Types the record names (:meth:`untold`).
        """
        if asset == COUNTED:
            return Supply(float(len(chosen.rows)), chosen.unknown)
        if whole_area and (given := self.holdings.area(asset)) is not None:
            return Supply(given)
        values = self.values(chosen.rows, asset)
        known = ~np.isnan(values)
        if known.any():
            return Supply(math.fsum(values[known]), self.untold(chosen, known, asset, named))
        nobody = not len(values) and not chosen.unknown and (chosen.of_type > 0 or bool(tuple(named)))
        return Supply(0.0 if nobody else None, len(values) + chosen.unknown)

    def untold(self, chosen: Chosen, known: NDArray[np.bool_], asset: str, named: Iterable[str] = ()) -> int:
        """Return how many facilities may have more of an asset than is known.

        Parameters
        ----------
        known : bool array (chosen.rows,)
            Facilities whose value is known.
        named : iterable of str
            Types the record names.

        Notes
        -----
        A type of which no facility has a value does not keep the asset (parks have no beds): its facilities are not
        unknown, unless the record names that very type. A doubtful facility that is known to have none adds nothing.
        """
        kinds = self.world.facilities["type"].to_numpy()
        values = self.values(chosen.doubtful, asset)
        told = ~np.isnan(values)
        keeping = [*kinds[chosen.rows][known], *kinds[chosen.doubtful][told], *named]
        rows = ~known & np.isin(kinds[chosen.rows].astype(str), keeping)
        doubtful = np.where(told, values > 0, np.isin(kinds[chosen.doubtful].astype(str), keeping))
        return int(rows.sum() + doubtful.sum())

    def people(self, basis: Basis) -> float | None:
        """Return the people of a basis: as the area's value, as the units' values, or (residents) as counted."""
        given = self.holdings.area(PEOPLE[basis])
        if given is not None:
            return given
        for groups in (self.groups("village"), self.groups("township")):
            values = self.holdings.values(groups.what, groups.id, PEOPLE[basis])
            if len(values) and not np.isnan(values).any() and (groups.of_unit >= 0).all():
                return math.fsum(values)
        return math.fsum(self.world.unit_persons) if basis == "resident" else None

    def bases(self, basis: Basis | None) -> dict[Basis, float]:
        """Return people by basis: of the one a plan names, else of every one that is known, residents first.

        Nobody is no basis: nothing can be divided by it.
        """
        wanted: tuple[Basis, ...] = (basis,) if basis else ("resident", "registered")
        return {one: people for one in wanted if (people := self.people(one))}

    def groups(self, per: Level, unit_kinds: tuple[str, ...] = ()) -> Groups:
        """Return the units of a level."""
        return groups_of(self.world.units, per, unit_kinds)

    def group_of(self, rows: NDArray[np.int64], groups: Groups) -> NDArray[np.int64]:
        """Return the group each facility lies in, -1 for one in none."""
        unit = self.world.facilities["unit"].to_numpy()[rows].astype(np.int64)
        return np.where(unit >= 0, groups.of_unit[np.maximum(unit, 0)], -1)


def met_all(states: Iterable[int]) -> tuple[int, int, int]:
    """Return how many are yes, no and unknown."""
    found = list(states)
    return found.count(YES), found.count(NO), found.count(UNKNOWN)


def need_codes(needs: Iterable[Need]) -> tuple[str, ...]:
    """Return the attributes some needs ask for, each once."""
    return tuple(dict.fromkeys(code for need in needs for code in (need.has, need.share_of) if code))

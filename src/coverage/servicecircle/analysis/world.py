"""The world of one evaluation: people, units, facilities, network, parameters. Frozen; a scenario is World -> World."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from servicecircle.analysis.holdings import Holdings
from servicecircle.analysis.select import facilities_for
from servicecircle.geo.sums import sum_by
from servicecircle.inputs.tables import ASSETS, LINKED
from servicecircle.travel.reach import Measure, Reach, Search, StraightWalk, network_reach, no_facility
from servicecircle.travel.straight import nearest_straight

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    from servicecircle.demand.pieces import Demand
    from servicecircle.standards.model import Criterion, Direction
    from servicecircle.standards.modes import Mode
    from servicecircle.study import Gap
    from servicecircle.travel.entrances import Entrances
    from servicecircle.travel.network import Network
    from servicecircle.travel.reach import Doors, Places


@dataclass(frozen=True)
class World:
    """Everything a judgement depends on.

    Attributes
    ----------
    units : GeoDataFrame
        Sorted by id; columns of ``inputs.units``.
    facilities : DataFrame
        Sorted by id; columns of ``inputs.facilities`` and ``unit`` (row of the unit it lies in, -1 outside; an area or
        line lies where its label point does).
    known : DataFrame
        All facilities any input holds, also those a switch or a scenario leaves out: it decides what is ``no data``.
    demand_places : Places
        Points and access legs, rows as the demand points.
    entrances : Entrances
        Doors of the facilities and their legs: one of a point, one or more of an area or a line.
    holdings : Holdings
        What facilities, units and the area have.
    links : DataFrame
        Whom facilities serve and refer to; columns ``LINKED`` of ``inputs.tables``.
    """

    demand: Demand
    units: gpd.GeoDataFrame
    facilities: pd.DataFrame
    known: pd.DataFrame
    network: Network
    modes: Mapping[str, Mode]
    demand_places: Places
    entrances: Entrances
    walk: StraightWalk
    gap: Gap
    holdings: Holdings = field(default_factory=lambda: Holdings(pd.DataFrame(columns=list(ASSETS))))
    links: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(LINKED)))

    @cached_property
    def unit_persons(self) -> NDArray[np.float64]:
        """People in each unit."""
        return sum_by(self.demand.piece_unit, self.demand.piece_persons, len(self.units))

    def people(self, criterion: Criterion) -> NDArray[np.float64]:
        """Return ``float64 (pieces,)``: the people a criterion counts, everybody or its group."""
        return self.demand.people(criterion.standard.group)

    def search(self, mode: str, direction: Direction, measure: Measure) -> Search:
        """Return the search engine of a mode, direction and measure."""
        return Search(self.network, self.modes[mode], direction=direction, measure=measure)

    def doors(self, rows: NDArray[np.int64]) -> Doors:
        """Return the doors of some facilities; their order by id is the order of the rows."""
        return self.entrances.of(rows)

    def reach(self, rows: NDArray[np.int64], mode: str, direction: Direction, measure: Measure) -> Reach:
        """Return the reach of all demand points to the nearest of the facilities ``rows``."""
        return network_reach(self.search(mode, direction, measure), self.demand_places, self.doors(rows), self.walk)

    def with_modes(self, modes: Mapping[str, Mode]) -> World:
        """Return the same world with some of its modes only."""
        network = replace(self.network, modes={name: self.network.modes[name] for name in modes})
        places, doors = self.demand_places, self.entrances.places
        return replace(
            self,
            modes=modes,
            network=network,
            demand_places=replace(places, access={name: places.access[name] for name in modes}),
            entrances=replace(
                self.entrances, places=replace(doors, access={name: doors.access[name] for name in modes})
            ),
        )

    def straight_reach(self, rows: NDArray[np.int64]) -> Reach:
        """Return the geodesic distance of all demand points to the nearest door of the facilities ``rows``."""
        if len(rows) == 0:
            return no_facility(self.demand.points)
        doors = self.doors(rows)
        lon, lat = doors.places.lon[doors.row], doors.places.lat[doors.row]
        mm, who = nearest_straight(self.demand.lon, self.demand.lat, lon, lat, self.walk.working)
        return Reach(mm.astype(np.int32), doors.facility[who].astype(np.int32), np.zeros(len(mm), dtype=np.int8))

    def facility_rows(self, criterion: Criterion) -> NDArray[np.int64]:
        """Return the rows of the facilities that count for a criterion."""
        return facilities_for(self.facilities, criterion.standard, self.holdings)

    def applies(self, criterion: Criterion) -> NDArray[np.bool_]:
        """Return which units a criterion applies to (area class, kind of unit)."""
        standard = criterion.standard
        mask = np.ones(len(self.units), dtype=bool)
        if standard.area_class is not None:
            mask &= self.units["area_class"].to_numpy() == standard.area_class
        if standard.unit_kinds and standard.per == "village":
            kind = self.units["kind"].to_numpy()
            mask &= np.isin(kind, [*standard.unit_kinds, ""])
        return mask

"""How a unit's number came about, as an analyst explains it to a chief: clause, people, trip, limit, verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from servicecircle.analysis.summary import MM_PER_KM, MS_PER_MIN, companion_mode
from servicecircle.standards.wording import clause_text, limit_text
from servicecircle.text import say
from servicecircle.travel.reach import State
from servicecircle.travel.straight import nearest_straight
from servicecircle.travel.trace import trace

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from servicecircle.analysis.evaluate import CriterionCoverage, ReachCache
    from servicecircle.analysis.world import World
    from servicecircle.travel.reach import Doors, Reach, Search
    from servicecircle.travel.trace import Trip


class Explainer:
    """Explains units of one criterion; the search graph is built once.

    Parameters
    ----------
    table : DataFrame
        The criterion's unit table.
    """

    def __init__(
        self, world: World, entry: CriterionCoverage, table: pd.DataFrame, cache: ReachCache, language: str
    ) -> None:
        self._world, self._entry, self._cache, self._language = world, entry, cache, language
        criterion = entry.criterion
        # one look at the whole table and all people: a lookup for each of hundreds of units would cost a scan each
        self._people = world.people(criterion)
        self._rows = dict(zip(table["unit_id"], table.to_dict("records"), strict=True))
        self._unit = {str(unit): row for row, unit in enumerate(world.units["id"])}
        self._order = np.argsort(world.demand.piece_unit, kind="stable")
        self._first = np.searchsorted(world.demand.piece_unit[self._order], np.arange(len(world.units) + 1))
        self._search: Search | None = None
        if criterion.measure in ("time", "road"):
            self._search = world.search(
                criterion.mode, criterion.standard.direction, "time" if criterion.measure == "time" else "road"
            )

    def _say(self, key: str, /, **values: object) -> str:
        return say(self._language, f"explain.{key}", **values)

    def lines(self, unit_id: str) -> list[str]:
        """Return the explanation of one unit.

        Raises
        ------
        KeyError
            The criterion does not apply to such a unit.
        """
        row = self._rows[unit_id]
        criterion = self._entry.criterion
        lines = [
            self._say(
                "criterion",
                title=criterion.standard.title.in_language(self._language),
                limit=limit_text(criterion, self._language),
            ),
            self._say("clause", clause=clause_text(criterion.standard, self._language)),
            self._say(
                "unit",
                name=row["name"],
                id=unit_id,
                basis=self._say(f"basis.{row['basis']}"),
                area=self._say(f"area.{row['area_class']}"),
            ),
        ]
        if row["persons"] <= 0:
            group = criterion.standard.group
            return [*lines, self._say("empty_of_group", group=group) if group else self._say("empty")]
        lines.append(
            self._say(
                "people",
                persons=f"{row['persons']:,.1f}",
                points=self._points(unit_id),
                uncovered=f"{row['uncovered_persons']:,.1f}",
                share=f"{row['share_covered']:.1%}",
            )
        )
        if criterion.measure == "presence":
            return [*lines, self._presence(row)]
        return [*lines, *self._trip_lines(unit_id), self._verdict(row)]

    def _pieces(self, unit_id: str) -> NDArray[np.int64]:
        unit = self._unit[unit_id]
        pieces = self._order[self._first[unit] : self._first[unit + 1]]
        return np.asarray(pieces[self._people[pieces] > 0], dtype=np.int64)

    def _points(self, unit_id: str) -> int:
        return len(self._pieces(unit_id))

    def _presence(self, row: Mapping[Hashable, Any]) -> str:
        key = "present" if row["share_covered"] > 0 else "absent"
        return self._say(
            key,
            count=row["count"],
            needed=self._entry.criterion.limit,
            nearest=row["nearest_name"] or "-",
            km=_number(row["nearest_straight_km"]),
        )

    def _trip_lines(self, unit_id: str) -> list[str]:
        """Explain the trip of the middle person of those uncovered (of all, where everyone is covered)."""
        entry, demand = self._entry, self._world.demand
        pieces = self._pieces(unit_id)
        uncovered = pieces[~entry.piece_covered[pieces]]
        piece = self._middle(uncovered if len(uncovered) else pieces)
        point = int(demand.piece_point[piece])
        who = self._say("of_uncovered" if len(uncovered) else "of_all")
        lines = [self._say("example", who=who, lon=f"{demand.lon[point]:.6f}", lat=f"{demand.lat[point]:.6f}")]
        reach = self._reach()
        state = State(int(reach.state[point]))
        if state != State.REACHED:
            return [*lines, self._say(f"state.{state.name.lower()}")]
        facility = int(entry.facility_rows[reach.facility[point]])
        record = self._world.facilities.iloc[facility]
        lines.append(self._say("nearest", name=record["name"] or record["id"], id=record["id"]))
        doors = self._world.doors(np.array([facility]))
        if self._search is None:
            lines += self._door(self._nearest_door(point, doors))
            return [*lines, self._say("straight", km=f"{reach.value[point] / MM_PER_KM:.3f}")]
        at_most = float(reach.value[point])
        trip = trace(self._search, self._world.demand_places, point, doors, self._world.walk, at_most=at_most)
        return lines if trip is None else [*lines, *self._door(trip.door), *self._parts(trip)]

    def _nearest_door(self, point: int, doors: Doors) -> int:
        demand = self._world.demand
        here = np.array([point])
        lon, lat = doors.places.lon[doors.row], doors.places.lat[doors.row]
        _, nearest = nearest_straight(demand.lon[here], demand.lat[here], lon, lat, self._world.walk.working)
        return int(doors.row[nearest[0]])

    def _door(self, door: int) -> list[str]:
        """Say where a facility that is more than a point is entered."""
        entrances = self._world.entrances
        kind = str(entrances.kind[door])
        if kind == "point":
            return []
        lon, lat = f"{entrances.places.lon[door]:.6f}", f"{entrances.places.lat[door]:.6f}"
        return [
            say(self._language, "doors.explained", kind=say(self._language, f"tables.word.{kind}"), lon=lon, lat=lat)
        ]

    def _reach(self) -> Reach:
        return self._entry.reach or self._cache.by(
            self._entry.facility_rows,
            "time",
            companion_mode(self._entry.criterion),
            self._entry.criterion.standard.direction,
        )

    def _middle(self, pieces: NDArray[np.int64]) -> int:
        """Return the piece of the people-weighted median value (unreached last)."""
        reach, demand = self._reach(), self._world.demand
        point = demand.piece_point[pieces]
        order = np.lexsort((point, reach.value[point], reach.state[point] != State.REACHED))
        running = np.cumsum(self._people[pieces[order]])
        return int(pieces[order[np.searchsorted(running, running[-1] / 2)]])

    def _parts(self, trip: Trip) -> list[str]:
        mode = self._world.modes[self._entry.criterion.mode].title.in_language(self._language)
        if trip.straight:
            return [self._say("straight_walk", m=f"{trip.start_leg_mm / 1000:,.1f}", value=self._value(trip.start_leg))]
        lines = [self._say("start_leg", m=f"{trip.start_leg_mm / 1000:,.1f}", value=self._value(trip.start_leg))]
        lines += [
            self._say(
                "stretch",
                cls=self._say(f"road.{s.road_class}"),
                m=f"{s.mm / 1000:,.1f}",
                kmh=f"{s.kmh:g}",
                value=self._value(s.value),
            )
            for s in trip.stretches
        ]
        lines.append(self._say("end_leg", m=f"{trip.end_leg_mm / 1000:,.1f}", value=self._value(trip.end_leg)))
        if trip.other:
            lines.append(self._say("other", value=self._value(trip.other)))
        return [*lines, self._say("total", value=self._value(trip.value), mode=mode)]

    def _value(self, value: int) -> str:
        if self._entry.criterion.measure == "time":
            return self._say("minutes", value=f"{value / MS_PER_MIN:.2f}")
        return self._say("kilometres", value=f"{value / MM_PER_KM:.3f}")

    def _verdict(self, row: Mapping[Hashable, Any]) -> str:
        key = "short" if row["short"] else ("every" if row["every"] else "not_short")
        return self._say(
            f"verdict.{key}",
            limit=self._value(self._entry.criterion.limit),
            uncovered=f"{row['uncovered_persons']:,.1f}",
        )


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.2f}"

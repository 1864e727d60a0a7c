"""Summaries of one criterion: over the whole area, and per unit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from servicecircle.analysis.columns import UNIT_COLUMNS
from servicecircle.analysis.cover import at_least, covered, enough
from servicecircle.analysis.finding import NO_DATA, Verdict
from servicecircle.analysis.quantiles import lower_quantiles, most_people
from servicecircle.demand.ledger import LedgerLine, line
from servicecircle.geo.coordinates import phone_map
from servicecircle.geo.sums import sum_by
from servicecircle.travel.legs import access_values
from servicecircle.travel.reach import State

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.analysis.evaluate import CriterionCoverage, ReachCache
    from servicecircle.analysis.world import World
    from servicecircle.standards.model import Criterion
    from servicecircle.travel.reach import Reach

#: Fewer uncovered people than this and "every" holds; at least as many covered and "any" holds.
HALF_PERSON = 0.5
MS_PER_MIN = 60_000
MM_PER_KM = 1_000_000


@dataclass(frozen=True)
class CriterionSummary:
    """One criterion over the whole area."""

    criterion: Criterion
    state: str
    """``computed`` or ``no data``."""
    missing: tuple[str, ...]
    """Facility types, ``ownership`` or ``group:NAME``, that no input holds (state ``no data``)."""
    facilities: int
    """Facilities that count."""
    persons: float
    """People, of the group where the standard names one, in the units the criterion applies to."""
    covered_persons: float
    later_persons: float
    unreachable_persons: float
    unattached_persons: float
    no_facility_persons: float
    share_covered: float | None
    """None where nobody lives."""
    units: int
    units_any: int
    units_every: int
    units_short: int
    knife_edge_persons: float | None
    """People within half a sub-cell of the limit; None: not applicable (people at points)."""
    target_share: float | None
    """Target the plan prints; None: no target printed."""
    verdict: str
    """``met``, ``not met``, ``no target printed`` or ``no data``."""
    assumed_target_share: float
    assumed_verdict: str
    """Verdict under the study's own target: ``met``, ``not met`` or ``no data``."""
    preferred_persons: float | None = None
    """People within the lower end of a band such as 10-20 km; None: the requirement is no band."""
    half_access_persons: float | None = None
    """People, covered or not, more than half of whose trip is access legs; None: nobody travels by road."""
    share_low: float | None = None
    """Lowest share of people covered with one assumption changed at a time (speed, access, people, urban or rural);
    None: not computed."""
    share_high: float | None = None
    """Highest share, likewise."""
    doubtful: int = 0
    """Facilities of the types asked for that may count: nobody says who owns them, or what they have."""
    open_verdict: bool = False
    """Whether the requirement would be met if they counted: it is then not known to be missed."""
    reading_verdicts: tuple[tuple[str, str], ...] = ()
    """Verdicts by each way to read a covered unit (``any``, ``every``, ``people``), where the plan demands a share of
    units and does not say which."""
    flips: tuple[tuple[str, str], ...] = ()
    """Changes (what, setting) under which the verdict, or that under the study's own target, is another."""

    @property
    def printed_verdict(self) -> str:
        """The verdict as tables and maps print it: what may still be met is not known to be missed."""
        return NO_DATA if self.open_verdict else self.verdict


def verdicts_of(summary: CriterionSummary) -> tuple[Verdict, ...]:
    """Return the verdicts of a measure: of each way to read a covered unit where the plan leaves that open.

    Facilities of which it is not known whether they count may leave it open whether a requirement is missed.
    """
    if summary.open_verdict:
        return (NO_DATA,)
    found = [verdict for _, verdict in summary.reading_verdicts] or [summary.verdict]
    return tuple(found)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Counts:
    """People of one criterion, per unit: float64 arrays (units,)."""

    persons: NDArray[np.float64]
    covered: NDArray[np.float64]
    later: NDArray[np.float64]
    unreachable: NDArray[np.float64]
    unattached: NDArray[np.float64]
    no_facility: NDArray[np.float64]
    knife_edge: NDArray[np.float64] | None

    @property
    def uncovered(self) -> NDArray[np.float64]:
        """People not covered, whatever the reason."""
        return self.later + self.unreachable + self.unattached + self.no_facility


def count_people(world: World, entry: CriterionCoverage) -> Counts:
    """Count people per unit by what is known of them; only units the criterion applies to hold people.

    A criterion with a group counts the people of the group alone.
    """
    demand, units = world.demand, len(world.units)
    applies = entry.applies[demand.piece_unit]
    counted = world.people(entry.criterion)

    def people(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        kept = mask & applies
        return sum_by(demand.piece_unit[kept], counted[kept], units)

    state, uncovered = entry.piece_state, ~entry.piece_covered
    return Counts(
        persons=people(np.ones(len(state), dtype=bool)),
        covered=people(entry.piece_covered),
        later=people(uncovered & (state == State.REACHED)),
        unreachable=people(uncovered & (state == State.UNREACHABLE)),
        unattached=people(uncovered & (state == State.UNATTACHED)),
        no_facility=people(uncovered & (state == State.NO_FACILITY)),
        knife_edge=None if entry.knife_edge is None else people(entry.knife_edge),
    )


def short_units(world: World, counts: Counts) -> NDArray[np.bool_]:
    """Return which units are short (design section 7); a unit without people never is."""
    gap, missing, persons = world.gap, counts.uncovered, counts.persons
    many = at_least(missing, gap.min_persons) & at_least(missing, gap.min_share * persons)
    half = at_least(missing, gap.half_share * persons) & at_least(missing, gap.half_persons)
    return (persons > 0) & (many | half)


def ledger_line(entry: CriterionCoverage, counts: Counts) -> LedgerLine:
    """People in the units of a criterion = covered + later + unreachable + unattached + no facility."""
    if entry.state != "computed":
        return line(entry.criterion.key, math.fsum(counts.persons), {"no_data": math.fsum(counts.no_facility)})
    parts = {
        "covered": counts.covered,
        "later": counts.later,
        "unreachable": counts.unreachable,
        "unattached": counts.unattached,
        "no_facility": counts.no_facility,
    }
    return line(
        entry.criterion.key, math.fsum(counts.persons), {name: math.fsum(people) for name, people in parts.items()}
    )


def summarise(world: World, entry: CriterionCoverage, counts: Counts, *, assumed_target: float) -> CriterionSummary:
    """Return one criterion over the whole area, with its verdict."""
    standard = entry.criterion.standard
    persons, served = math.fsum(counts.persons), math.fsum(counts.covered)
    computed = entry.state == "computed"
    units = _unit_readings(entry, counts)
    is_short = short_units(world, counts)
    target = standard.target_share
    of_units = standard.kind == "presence" or standard.target_of == "units"
    total, reached = (float(len(units.every)), float(units.every.sum())) if of_units else (persons, served)
    share = reached / total if total > 0 else None
    everybody = not at_least(persons - served, HALF_PERSON)
    everyone = bool(units.every.all()) if of_units else everybody
    readings = {
        "any": (_share_of(units.any), bool(units.any.all())),
        "every": (_share_of(units.every), bool(units.every.all())),
        "people": (served / persons if persons > 0 else None, everybody),
    }
    open_reading = standard.kind != "presence" and standard.target_of == "units" and target is not None
    return CriterionSummary(
        criterion=entry.criterion,
        state=entry.state,
        missing=entry.missing,
        facilities=len(entry.facility_rows),
        persons=persons,
        covered_persons=served,
        later_persons=math.fsum(counts.later),
        unreachable_persons=math.fsum(counts.unreachable),
        unattached_persons=math.fsum(counts.unattached),
        no_facility_persons=math.fsum(counts.no_facility) if computed else 0.0,
        share_covered=served / persons if persons > 0 and computed else None,
        units=len(units.every),
        units_any=int(units.any.sum()),
        units_every=int(units.every.sum()),
        units_short=int(is_short.sum()) if computed else 0,
        knife_edge_persons=None if counts.knife_edge is None else math.fsum(counts.knife_edge),
        target_share=target,
        verdict=_verdict(share, target, everyone=everyone, computed=computed),
        assumed_target_share=assumed_target,
        assumed_verdict=_verdict(share, assumed_target, everyone=everyone, computed=computed),
        preferred_persons=_preferred(world, entry),
        reading_verdicts=tuple(
            (name, _verdict(one, target, everyone=all_of_them, computed=computed))
            for name, (one, all_of_them) in readings.items()
            if open_reading
        ),
    )


def _share_of(held: NDArray[np.bool_]) -> float | None:
    """Return the share that holds; None where there is nothing."""
    return float(held.mean()) if len(held) else None


def _preferred(world: World, entry: CriterionCoverage) -> float | None:
    """Return the people within the lower end of a band; None where there is no band or no reach."""
    limit = entry.criterion.preferred
    if limit is None or entry.reach is None:
        return None
    near = covered(entry.reach, limit)[world.demand.piece_point] & entry.applies[world.demand.piece_unit]
    return math.fsum(world.people(entry.criterion)[near])


def half_access_persons(world: World, entry: CriterionCoverage) -> float | None:
    """Return the people more than half of whose trip is access: straight pieces at both ends, against the whole value.

    Exactly half is not more, and whoever lives at the door has no trip. A straight walk is access from end to end, also
    where seconds at the door are added.
    None where nobody travels by road: a straight distance, a presence, or nothing computed.
    """
    criterion, reach = entry.criterion, entry.reach
    if reach is None or criterion.measure not in ("time", "road"):
        return None
    search = world.search(criterion.mode, criterion.standard.direction, criterion.measure)
    legs = access_values(search, world.demand_places, world.doors(entry.facility_rows), reach)
    door_ms = round(search.mode.door_s * 1000) if criterion.measure == "time" else 0
    value = reach.value.astype(np.int64)
    straight = (legs == value - door_ms) & search.mode.straight_walking
    mostly = (legs > 0) & ((2 * legs > value) | straight)
    pieces = mostly[world.demand.piece_point] & entry.applies[world.demand.piece_unit]
    return math.fsum(world.demand.piece_persons[pieces])


@dataclass(frozen=True)
class _Readings:
    """Whether any and every person is covered: bool arrays (populated units), or (groups) for presence."""

    any: NDArray[np.bool_]
    every: NDArray[np.bool_]


def _unit_readings(entry: CriterionCoverage, counts: Counts) -> _Readings:
    """Read each populated unit; a presence is read at its own level, whether people live there or not."""
    if entry.presence is not None:
        at = np.flatnonzero(entry.applies)
        _, first = np.unique(entry.presence.group[at], return_index=True)
        held = enough(entry.presence.count[at[first]], entry.criterion.limit)
        return _Readings(held, held)
    lived = counts.persons > 0
    return _Readings(at_least(counts.covered[lived], HALF_PERSON), ~at_least(counts.uncovered[lived], HALF_PERSON))


def _verdict(share: float | None, target: float | None, *, everyone: bool, computed: bool) -> str:
    """Return the verdict; 100 % is met when fewer than half a person is missing."""
    if not computed or share is None:
        return "no data"
    if target is None:
        return "no target printed"
    return "met" if (everyone if target >= 1 else at_least(share, target)) else "not met"


@dataclass(frozen=True)
class Nearest:
    """Nearest facility of each unit by one measure: facility row (-1: none) and typical value."""

    facility: NDArray[np.int64]
    p50: NDArray[np.float64]
    p90: NDArray[np.float64]


def nearest_of_units(world: World, entry: CriterionCoverage, reach: Reach) -> Nearest:
    """Return the facility most people of a unit have nearest, and people-weighted quantiles of the value."""
    demand, units = world.demand, len(world.units)
    if len(entry.facility_rows) == 0:
        nothing = np.full(units, np.nan)
        return Nearest(np.full(units, -1, dtype=np.int64), nothing, nothing)
    point = demand.piece_point
    known = reach.state[point] == State.REACHED
    value = reach.value[point].astype(np.int64)
    row = np.where(known, entry.facility_rows[np.where(known, reach.facility[point], 0)], -1)
    people = world.people(entry.criterion)
    p50, p90 = lower_quantiles((0.5, 0.9), demand.piece_unit, value, known, people, units)
    return Nearest(most_people(demand.piece_unit, row, people, units), p50, p90)


def companion_mode(criterion: Criterion) -> str:
    """Return the mode whose time and road stand beside a criterion: its own, else walking (vehicles: driving)."""
    return criterion.mode or ("drive" if criterion.standard.direction == "from_facility" else "walk")


def unit_table(world: World, entry: CriterionCoverage, counts: Counts, cache: ReachCache) -> pd.DataFrame:
    """Return one row per unit the criterion applies to, in unit order (``UNIT_COLUMNS``); none for ``no data``."""
    if entry.state != "computed":
        return pd.DataFrame(columns=list(UNIT_COLUMNS))
    units, criterion = world.units, entry.criterion
    at = units.geometry.representative_point()
    persons = counts.persons
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(persons > 0, counts.covered / persons, np.nan)
    lon_gcj02, lat_gcj02 = phone_map(at.x, at.y)
    table: dict[str, Any] = {
        "criterion": criterion.key,
        "unit_id": units["id"],
        "name": units["name"],
        "parent": units["parent"],
        "kind": units["kind"],
        "area_class": units["area_class"],
        "class_basis": units["class_basis"],
        "basis": units["basis"],
        "lon": at.x,
        "lat": at.y,
        "lon_gcj02": lon_gcj02,
        "lat_gcj02": lat_gcj02,
        "persons": persons,
        "covered_persons": counts.covered,
        "uncovered_persons": counts.uncovered,
        "later_persons": counts.later,
        "unreachable_persons": counts.unreachable,
        "unattached_persons": counts.unattached,
        "no_facility_persons": counts.no_facility,
        "share_covered": share,
        "any": (persons > 0) & at_least(counts.covered, HALF_PERSON),
        "every": (persons > 0) & ~at_least(counts.uncovered, HALF_PERSON),
        "short": short_units(world, counts),
        "knife_edge_persons": np.nan if counts.knife_edge is None else counts.knife_edge,
        "unit_of_value": {"time": "min", "presence": "facilities"}.get(criterion.measure, "km"),
        "count": np.full(len(units), -1) if entry.presence is None else entry.presence.count,
        "cause": _cause(entry, counts),
    }
    table |= _nearest_columns(world, entry, cache)
    frame = pd.DataFrame(table)[list(UNIT_COLUMNS)]
    frame["count"] = frame["count"].astype("Int64").where(frame["count"] >= 0)
    return frame[entry.applies].reset_index(drop=True)


def _cause(entry: CriterionCoverage, counts: Counts) -> NDArray[np.str_]:
    """Return why most uncovered people of a unit are uncovered."""
    if entry.criterion.measure == "presence":
        return np.where(at_least(counts.uncovered, HALF_PERSON), "none_in_unit", "")
    names = np.array(["too_far", "unreachable", "unattached", "no_facility"])
    stack = np.stack([counts.later, counts.unreachable, counts.unattached, counts.no_facility])
    return np.where(at_least(counts.uncovered, HALF_PERSON), names[stack.argmax(axis=0)], "")


def _nearest_columns(world: World, entry: CriterionCoverage, cache: ReachCache) -> dict[str, Any]:
    """Nearest by time, by road and straight are three columns: none is derived from another."""
    criterion, rows = entry.criterion, entry.facility_rows
    ids = world.facilities["id"].to_numpy(dtype=object)
    names = world.facilities["name"].to_numpy(dtype=object)

    def label(values: NDArray[Any], row: NDArray[np.int64]) -> NDArray[Any]:
        return (
            np.where(row >= 0, values[np.maximum(row, 0)], "") if len(values) else np.full(len(row), "", dtype=object)
        )

    mode = companion_mode(criterion)
    columns: dict[str, Any] = {}
    by: dict[str, Nearest] = {}
    for measure, scale, unit in (("time", MS_PER_MIN, "min"), ("road", MM_PER_KM, "km"), ("straight", MM_PER_KM, "km")):
        reach = cache.by(rows, measure, mode, criterion.standard.direction)
        by[measure] = nearest_of_units(world, entry, reach)
        columns[f"nearest_{measure}_id"] = label(ids, by[measure].facility)
        columns[f"nearest_{measure}_{unit}"] = by[measure].p50 / scale
    own = by["straight" if criterion.measure == "presence" else criterion.measure]
    scale = MS_PER_MIN if criterion.measure == "time" else MM_PER_KM
    presence = criterion.measure == "presence"
    nothing = np.full(len(world.units), np.nan)
    return columns | {
        "p50": nothing if presence else own.p50 / scale,
        "p90": nothing if presence else own.p90 / scale,
        "nearest_id": label(ids, own.facility),
        "nearest_name": label(names, own.facility),
    }

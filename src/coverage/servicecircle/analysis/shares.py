"""How many facilities or units have something, and floors every unit must reach."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.analysis.bench import met_all, need_codes
from servicecircle.analysis.bounds import in_bounds, whole_part, worst
from servicecircle.analysis.finding import (
    MET,
    NO_DATA,
    NO_TARGET,
    NOT_MET,
    Finding,
    Item,
    Reading,
    Verdict,
    judged,
    no_data,
)
from servicecircle.analysis.holdings import NO, UNKNOWN, YES
from servicecircle.standards.faults import COUNTED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.analysis.bench import Bench
    from servicecircle.analysis.presence import Groups
    from servicecircle.standards.kinds import Colocation, FacilityShare, UnitFloor, UnitShare


def facility_share(bench: Bench, record: FacilityShare) -> Finding:
    """Judge how many of some facilities meet all of a record's needs; a share is rounded up to whole facilities.

    A facility of which a need is not known is neither yes nor no: the requirement is met when enough others are yes,
    not met when it could not be met even if all unknown were yes, else ``no data``. Nor is it known of one that may
    not be meant at all (an ownership or need of it is unknown).
    """
    chosen = bench.facilities(record)
    missing = bench.lacks(record, chosen)
    if missing or not len(chosen.rows):
        return none_to_count(record, missing, chosen.unknown)
    states = bench.holdings.states("facility", bench.ids(chosen.rows), record.must)
    if (states == UNKNOWN).all():
        return no_data(record, *need_codes(record.must), unknown=len(states))
    names = bench.world.facilities["name"].to_numpy()[chosen.rows]
    units = bench.world.units["name"].to_numpy()[bench.world.facilities["unit"].to_numpy()[chosen.rows]]
    items = tuple(
        Item("facility", one, str(names[k]), str(units[k]), why="unknown" if states[k] == UNKNOWN else "fails")
        for k, one in enumerate(bench.ids(chosen.rows))
        if states[k] != YES
    )
    return counted(record, states, record.target_share, record.target_count, COUNTED, items, doubtful=chosen.unknown)


def none_to_count(record: FacilityShare | Colocation, missing: tuple[str, ...], unknown: int) -> Finding:
    """Return the finding where no facility counts: a number that is asked for is missed, a share of none is no number.

    ``missing`` is what no input holds; with it nothing is known.
    """
    if missing or record.target_count is None:
        return no_data(record, *(missing or record.types), unknown=unknown)
    reading = Reading("value", None, NOT_MET, short=float(record.target_count))
    parameters: dict[str, float | str] = {"yes": 0, "of": 0, "need": record.target_count}
    return judged(record, "share", [reading], short_unit=COUNTED, parameters=parameters)


def counted(
    record: FacilityShare | UnitShare | object,
    states: NDArray[np.int8],
    share: float | None,
    count: int | None,
    what: str,
    items: tuple[Item, ...],
    *,
    doubtful: int = 0,
) -> Finding:
    """Return the finding for so many yes, no and unknown, against a share (rounded up) or a number.

    ``doubtful`` are those that may belong to them or not: met holds whatever they are, and so does not met.
    """
    yes, _, unknown = met_all(states.tolist())
    total = len(states)

    def needed(of: int) -> int:
        return count if count is not None else whole_part(share or 0.0, of)

    need = None if count is None and share is None else needed(total)
    verdict: Verdict = NO_TARGET
    if need is not None:
        possible = yes + unknown + doubtful >= needed(total + doubtful)
        verdict = MET if yes >= needed(total + doubtful) else NO_DATA if possible else NOT_MET
    low = None if need is None else need / total
    short = None if need is None else float(max(need - yes, 0))
    reading = Reading("value", yes / total, verdict, low if count is None else None, None, short)
    parameters: dict[str, float | str] = {"yes": yes, "of": total}
    if need is not None:
        parameters["need"] = need
    return judged(
        record,  # type: ignore[arg-type]
        "share",
        [reading],
        short_unit=what,
        items=items,
        unknown=unknown + doubtful,
        parameters=parameters,
    )


def unit_share(bench: Bench, record: UnitShare) -> Finding:
    """Judge how many units of a level meet all of a record's needs."""
    groups = bench.groups(record.per, record.unit_kinds)
    if not groups.id:
        return no_data(record, "units")
    states = bench.holdings.states(groups.what, groups.id, record.must)
    if (states == UNKNOWN).all():
        return no_data(record, *need_codes(record.must), unknown=len(states))
    items = tuple(
        Item(groups.what, groups.id[k], groups.name[k], why="unknown" if states[k] == UNKNOWN else "fails")
        for k in np.flatnonzero(states != YES)
    )
    return counted(record, states, record.target_share, None, f"{groups.what}s", items)


def unit_floor(bench: Bench, record: UnitFloor) -> Finding:
    """Judge a value every unit of a level must reach by itself: the smallest, for a ceiling the largest, not the mean.

    The values are those reported under the record's id (or of its asset) for the units; where no unit has one, an
    asset is summed over the facilities that lie in each unit. A sum with a facility left out can only grow: while one
    is unknown, a floor it does not reach and a ceiling it keeps are not known. A unit without any facility that keeps
    the asset has none of it.
    """
    groups = bench.groups(record.per, record.unit_kinds)
    if not groups.id:
        return no_data(record, "units")
    asset = record.asset or record.id
    values = bench.holdings.values(groups.what, groups.id, asset)
    more = np.zeros(len(values), dtype=bool)
    if np.isnan(values).all() and record.asset:
        if record.types and not bench.knows(record.types):
            return no_data(record, *record.types)
        values, more = _summed(bench, record, groups)
    if np.isnan(values).all():
        return no_data(record, asset, unknown=len(values))
    each = zip(values.tolist(), more.tolist(), strict=True)
    states = np.array([_floor_state(record, value, more=one) for value, one in each], dtype=np.int8)
    yes, no, unknown = met_all(states.tolist())
    bounded = record.at_least is not None or record.at_most is not None
    verdict: Verdict = NO_TARGET if not bounded else NOT_MET if no else NO_DATA if unknown else MET
    items = tuple(
        Item(
            groups.what,
            groups.id[k],
            groups.name[k],
            value=None if math.isnan(values[k]) else float(values[k]),
            why="unknown" if states[k] == UNKNOWN else "fails",
        )
        for k in np.flatnonzero(states != YES)
    )
    name, value = worst(values[~np.isnan(values)], record.at_least, record.at_most)
    reading = Reading(name, value, verdict, record.at_least, record.at_most, float(no) if bounded else None)
    return judged(
        record,
        "value" if record.asset else "percent",
        [reading],
        short_unit=f"{groups.what}s",
        items=items,
        unknown=unknown,
        parameters={"units": len(values), "units_met": yes, "mean": float(np.nanmean(values))},
    )


def _summed(bench: Bench, record: UnitFloor, groups: Groups) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return an asset summed over the facilities of each group, and where some of it may be missing.

    Where no facility has a value nothing is known of any group.
    """
    chosen = bench.facilities(record)
    held = bench.values(chosen.rows, record.asset)
    known = ~np.isnan(held)
    if not known.any():
        return np.full(len(groups.id), np.nan), np.zeros(len(groups.id), dtype=bool)
    kinds = bench.world.facilities["type"].to_numpy().astype(str)[chosen.rows]
    unknown = ~known & np.isin(kinds, [*kinds[known], *record.types])
    at = bench.group_of(chosen.rows, groups)
    sums = [math.fsum(held[known & (at == k)]) for k in range(len(groups.id))]
    told, lost = (np.isin(np.arange(len(groups.id)), at[mask]) for mask in (known, unknown))
    return np.where(lost & ~told, np.nan, np.array(sums, dtype=np.float64)), lost


def _floor_state(record: UnitFloor, value: float, *, more: bool) -> int:
    if math.isnan(value):
        return UNKNOWN
    low, high = record.at_least, record.at_most
    if not more:
        return YES if in_bounds(value, low, high) else NO
    if not in_bounds(value, None, high):
        return NO
    return YES if high is None and in_bounds(value, low, None) else UNKNOWN


def group_items(groups: Groups, lacking: NDArray[np.bool_], why: str) -> tuple[Item, ...]:
    """Return an item for each group that lacks something."""
    return tuple(Item(groups.what, groups.id[k], groups.name[k], why=why) for k in np.flatnonzero(lacking))

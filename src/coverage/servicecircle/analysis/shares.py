"""How many facilities or units have something, and floors every unit must reach."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.analysis.bench import COUNTED, met_all, need_codes
from servicecircle.analysis.bounds import in_bounds, whole_part
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

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.analysis.bench import Bench
    from servicecircle.analysis.presence import Groups
    from servicecircle.standards.kinds import FacilityShare, UnitFloor, UnitShare


def facility_share(bench: Bench, record: FacilityShare) -> Finding:
    """Judge how many of some facilities meet all of a record's needs; a share is rounded up to whole facilities.

    A facility of which a need is not known is neither yes nor no: the requirement is met when enough others are yes,
    not met when it could not be met even if all unknown were yes, else ``no data``.
    """
    chosen = bench.facilities(record)
    if not len(chosen.rows):
        missing = need_codes(record.needs) if chosen.of_type and chosen.unknown else record.types
        return no_data(record, *missing, unknown=chosen.unknown)
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
    found = counted(record, states, record.target_share, record.target_count, COUNTED, items)
    return replace(found, unknown=found.unknown + chosen.unknown)


def counted(
    record: FacilityShare | UnitShare | object,
    states: NDArray[np.int8],
    share: float | None,
    count: int | None,
    what: str,
    items: tuple[Item, ...],
) -> Finding:
    """Return the finding for so many yes, no and unknown, against a share (rounded up) or a number."""
    yes, _, unknown = met_all(states.tolist())
    total = len(states)
    need = count if count is not None else None if share is None else whole_part(share, total)
    verdict: Verdict = NO_TARGET
    if need is not None:
        verdict = MET if yes >= need else NOT_MET if yes + unknown < need else NO_DATA
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
        unknown=unknown,
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
    """Judge a value every unit of a level must reach by itself; the value is the smallest, not the mean.

    The values are those reported under the record's id (or of its asset) for the units; where no unit has one, an
    asset is summed over the facilities that lie in each unit.
    """
    groups = bench.groups(record.per, record.unit_kinds)
    if not groups.id:
        return no_data(record, "units")
    asset = record.asset or record.id
    values = bench.holdings.values(groups.what, groups.id, asset)
    if np.isnan(values).all() and record.asset:
        chosen = bench.facilities(record, types=record.types)
        held = bench.holdings.values("facility", bench.ids(chosen.rows), record.asset)
        values = bench.summed(chosen.rows, groups, held)
    if np.isnan(values).all():
        return no_data(record, asset, unknown=len(values))
    states = np.array([_floor_state(record, float(value)) for value in values], dtype=np.int8)
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
    least = float(np.nanmin(values))
    reading = Reading("smallest", least, verdict, record.at_least, record.at_most, float(no) if bounded else None)
    return judged(
        record,
        "value" if record.asset else "percent",
        [reading],
        short_unit=f"{groups.what}s",
        items=items,
        unknown=unknown,
        parameters={"units": len(values), "units_met": yes, "mean": float(np.nanmean(values))},
    )


def _floor_state(record: UnitFloor, value: float) -> int:
    if math.isnan(value):
        return UNKNOWN
    return YES if in_bounds(value, record.at_least, record.at_most) else NO


def group_items(groups: Groups, lacking: NDArray[np.bool_], why: str) -> tuple[Item, ...]:
    """Return an item for each group that lacks something."""
    return tuple(Item(groups.what, groups.id[k], groups.name[k], why=why) for k in np.flatnonzero(lacking))

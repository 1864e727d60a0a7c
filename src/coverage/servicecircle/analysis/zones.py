"""Facilities near facilities: zones nothing may stand in, and places that belong together. Distances are straight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from servicecircle.analysis.finding import MET, NO_DATA, NOT_MET, Finding, Item, Reading, Verdict, judged, no_data
from servicecircle.analysis.holdings import NO, YES
from servicecircle.analysis.shares import counted, none_to_count
from servicecircle.standards.faults import COUNTED
from servicecircle.standards.model import MM_PER_KM
from servicecircle.travel.straight import nearest_straight

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.analysis.bench import Bench
    from servicecircle.standards.kinds import Colocation, Exclusion

MM_PER_M = 1000


def exclusion(bench: Bench, record: Exclusion) -> Finding:
    """Judge that no facility of some types lies within a distance of others; one at the very limit lies inside.

    From door to door: an area is measured from its gates, or from its border where it has none. A zone around a
    neighbour reaches across the border; zones of one class of units lie inside. One that may be meant or not (an
    ownership or need of it is unknown) leaves it open whether all keep away.
    """
    world = bench.world
    around = bench.of_types(record.around)
    if record.area_class is not None:
        unit = world.facilities["unit"].to_numpy()[around]
        around = around[(unit >= 0) & (world.units["area_class"].to_numpy()[unit] == record.area_class)]
    if not len(around):
        return no_data(record, *record.around)
    chosen = bench.facilities(record)
    if missing := bench.lacks(record, chosen):
        return no_data(record, *missing, unknown=chosen.unknown)
    limit = round(record.limit_km * MM_PER_KM)
    near, who = nearest_facility(bench, chosen.rows, around)
    inside = near <= limit
    names = world.facilities["name"].to_numpy()
    items = tuple(
        Item("facility", one, str(names[row]), str(names[other]), float(mm) / MM_PER_M, why="too_near")
        for one, row, other, mm, bad in zip(bench.ids(chosen.rows), chosen.rows, who, near, inside, strict=True)
        if bad
    )
    found = float(inside.sum())
    verdict: Verdict = NOT_MET if found else NO_DATA if chosen.unknown else MET
    reading = Reading("value", found, verdict, None, 0.0, found)
    parameters: dict[str, float | str] = {"zones": len(around), "facilities": len(chosen.rows)}
    more = {"unknown": chosen.unknown, "parameters": parameters}
    return judged(record, COUNTED, [reading], short_unit=COUNTED, items=items, **more)


def colocation(bench: Bench, record: Colocation) -> Finding:
    """Judge how many facilities have a partner near, straight from door to door; the limit holds."""
    chosen = bench.facilities(record)
    missing = bench.lacks(record, chosen)
    if not bench.knows(record.partners):
        missing += record.partners
    if missing or not len(chosen.rows):
        return none_to_count(record, missing, chosen.unknown)
    partners = bench.of_types(record.partners)
    near, _ = nearest_facility(bench, chosen.rows, partners)
    states = np.where(near <= round(record.limit_m * MM_PER_M), YES, NO).astype(np.int8)
    names = bench.world.facilities["name"].to_numpy()[chosen.rows]
    items = tuple(
        Item("facility", one, str(name), why="alone")
        for one, name, state in zip(bench.ids(chosen.rows), names, states, strict=True)
        if state == NO
    )
    return counted(record, states, record.target_share, record.target_count, COUNTED, items, doubtful=chosen.unknown)


def nearest_facility(
    bench: Bench, rows: NDArray[np.int64], others: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for each facility, millimetres to the nearest of some others and that facility's row.

    A facility is not its own neighbour; with nobody left the distance is the largest whole number and the row -1.
    """
    near = np.full(len(rows), np.iinfo(np.int64).max)
    who = np.full(len(rows), -1, dtype=np.int64)
    also = np.isin(rows, others)
    for part in (np.flatnonzero(~also), *np.flatnonzero(also)[:, None]):
        targets = others[~np.isin(others, rows[part])]
        if len(part) and len(targets):
            near[part], who[part] = _door_to_door(bench, rows[part], targets)
    return near, who


def _door_to_door(
    bench: Bench, rows: NDArray[np.int64], others: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    world = bench.world
    here, there = world.doors(rows), world.doors(others)
    lon, lat = here.places.lon[here.row], here.places.lat[here.row]
    to_lon, to_lat = there.places.lon[there.row], there.places.lat[there.row]
    mm, who = nearest_straight(lon, lat, to_lon, to_lat, world.walk.working)
    best = np.full(len(rows), np.iinfo(np.int64).max)
    np.minimum.at(best, here.facility, mm)
    target = np.full(len(rows), len(others), dtype=np.int64)
    at_best = mm == best[here.facility]
    np.minimum.at(target, here.facility[at_best], there.facility[who[at_best]])
    return best, others[target]

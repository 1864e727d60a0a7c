"""Ratios per people, parts of a whole, and supply shared between town and country."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.analysis.bench import PEOPLE, Chosen, Supply
from servicecircle.analysis.bounds import in_bounds, whole_need, worst
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
from servicecircle.standards.faults import COUNTED

if TYPE_CHECKING:
    from servicecircle.analysis.bench import Bench
    from servicecircle.standards.kinds import Bounded, Parity, Portion, Ratio


def ratio(bench: Bench, record: Ratio) -> Finding:
    """Judge an asset per people: ``supply / people x per_people``, once for each basis the plan leaves open.

    ``short`` is what the floor asks for, rounded up to whole beds or doctors, less what there is; for a ceiling what
    is above it. Facilities of which the asset is not known can only add: a floor that is reached holds, one that is
    not is ``no data`` while any are unknown; a ceiling the other way round.
    """
    chosen = bench.facilities(record)
    if missing := bench.lacks(record, chosen):
        return no_data(record, *missing, unknown=chosen.unknown)
    supply = bench.supply(record.asset, chosen, whole_area=_whole(record), named=record.types)
    if supply.total is None:
        return no_data(record, record.asset, unknown=supply.unknown)
    if record.per_asset:
        return _per_asset(bench, record, chosen, supply)
    people = bench.bases(record.basis)
    if record.planning_persons is not None:
        people = {"planning": record.planning_persons}
    if not people:
        return no_data(record, PEOPLE[record.basis or "resident"])
    per = float(record.per_people or 1)
    readings = [_reading(record, f"basis.{basis}", supply, persons / per) for basis, persons in people.items()]
    parameters: dict[str, float | str] = {f"persons_{basis}": persons for basis, persons in people.items()}
    return judged(
        record,
        f"per_{record.per_people}",
        readings,
        short_unit=record.asset,
        unknown=supply.unknown,
        parameters=parameters | {"supply": supply.total},
    )


def _whole(record: Ratio | Portion) -> bool:
    """Return whether a record is about every facility: only then does a value of the whole area answer it."""
    return not (record.types or record.ownership or record.needs)


def _per_asset(bench: Bench, record: Ratio, chosen: Chosen, supply: Supply) -> Finding:
    whole = bench.supply(record.per_asset, chosen, whole_area=_whole(record), named=record.types)
    if whole.total is None or whole.total <= 0:
        return no_data(record, record.per_asset, unknown=whole.unknown)
    reading = _reading(record, "value", supply, whole.total)
    reading = replace(reading, verdict=_less(reading, whole.unknown))
    parameters: dict[str, float | str] = {"supply": supply.total or 0.0, "whole": whole.total}
    unknown = max(supply.unknown, whole.unknown)
    return judged(record, "ratio", [reading], short_unit=record.asset, unknown=unknown, parameters=parameters)


def _less(reading: Reading, unknown: int) -> Verdict:
    """Return the verdict where more may have to be divided by: the value may be smaller, and only what fails it holds.

    A floor that is not reached stays missed, a ceiling that holds stays met; anything else is not known.
    """
    value, low = reading.value or 0.0, reading.low
    if not unknown or reading.verdict == NO_TARGET:
        return reading.verdict
    below = low is not None and not in_bounds(value, low, None) and reading.verdict == NOT_MET
    return NOT_MET if below else MET if low is None and reading.verdict == MET else NO_DATA


def _reading(record: Bounded, name: str, supply: Supply, divisor: float) -> Reading:
    """Compare ``supply / divisor`` with the bounds of a record; the shortfall is in whole units of the supply."""
    total = supply.total or 0.0
    low, high = record.at_least, record.at_most
    value = total / divisor
    short = None
    if low is not None and not in_bounds(value, low, None):
        short = whole_need(low * divisor) - total
    elif high is not None and not in_bounds(value, None, high):
        short = total - math.floor(high * divisor * (1 + 1e-9))
    elif low is not None or high is not None:
        short = 0.0
    return Reading(name, value, _verdict(value, low, high, supply.unknown), low, high, short)


def _verdict(value: float, low: float | None, high: float | None, unknown: int) -> Verdict:
    if low is None and high is None:
        return NO_TARGET
    if not unknown:
        return MET if in_bounds(value, low, high) else NOT_MET
    # what is unknown can only add
    if high is not None and not in_bounds(value, None, high):
        return NOT_MET
    return MET if high is None and in_bounds(value, low, None) else NO_DATA


def portion(bench: Bench, record: Portion) -> Finding:
    """Judge a part of a whole (0-1), of all facilities together or facility by facility.

    Facilities with a part or a whole unknown are left out of both sums and counted as unknown.
    """
    chosen = bench.facilities(record)
    if missing := bench.lacks(record, chosen):
        return no_data(record, *missing, unknown=chosen.unknown)
    whole = bench.values(chosen.rows, record.of)
    part = np.stack([bench.values(chosen.rows, asset) for asset in record.assets]).sum(axis=0)
    if record.part_ownership:
        owners = bench.world.facilities["ownership"].to_numpy()[chosen.rows]
        part = np.where(np.isin(owners, record.part_ownership), part, np.where(owners == "", np.nan, 0.0))
    known = ~np.isnan(part) & ~np.isnan(whole)
    if record.each:
        return _each_portion(bench, record, chosen, part, whole)
    area = [bench.holdings.area(asset) for asset in (*record.assets, record.of)]
    if _whole(record) and not record.part_ownership and None not in area:
        supply, total, unknown = Supply(math.fsum(area[:-1])), area[-1], 0  # type: ignore[arg-type]
    elif known.any():
        unknown = bench.untold(chosen, known, record.of, record.types)
        supply, total = Supply(math.fsum(part[known]), unknown), math.fsum(whole[known])
    else:
        missing = tuple(dict.fromkeys((*record.assets, record.of)))
        return no_data(record, *missing, unknown=len(whole) + chosen.unknown)
    if total is None or total <= 0:
        return no_data(record, record.of, unknown=unknown)
    reading = _reading(record, "value", supply, total)
    if unknown and reading.verdict != NO_TARGET:
        # the share of what is known says nothing certain about the whole
        reading = replace(reading, verdict=NO_DATA)
    parameters: dict[str, float | str] = {"part": supply.total or 0.0, "whole": total}
    return judged(record, "share", [reading], short_unit=record.of, unknown=unknown, parameters=parameters)


def _each_portion(bench: Bench, record: Portion, chosen: Chosen, part: np.ndarray, whole: np.ndarray) -> Finding:
    """Judge each facility by its own part; the value is the smallest share, for a ceiling the largest.

    A facility that has none of the whole has no share, and none to reach.
    """
    none = whole == 0
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(whole > 0, part / whole, np.nan)
    known = ~np.isnan(share)
    unknown = bench.untold(chosen, known | none, record.of, record.types)
    if not known.any():
        return no_data(record, *dict.fromkeys((*record.assets, record.of)), unknown=unknown)
    low, high = record.at_least, record.at_most
    fails = np.array([bool(one) and not in_bounds(float(v), low, high) for one, v in zip(known, share, strict=True)])
    verdict: Verdict = NOT_MET if fails.any() else NO_DATA if unknown else MET
    bounded = low is not None or high is not None
    if not bounded:
        verdict = NO_TARGET
    names = bench.world.facilities["name"].to_numpy()[chosen.rows]
    items = tuple(
        Item("facility", one, str(names[k]), value=float(share[k]), why="fails")
        for k, one in enumerate(bench.ids(chosen.rows))
        if fails[k]
    )
    short = float(fails.sum()) if bounded else None
    name, value = worst(share[known], low, high)
    reading = Reading(name, value, verdict, low, high, short)
    return judged(record, "share", [reading], short_unit=COUNTED, items=items, unknown=unknown)


def parity(bench: Bench, record: Parity) -> Finding:
    """Compare the share of a supply in town (and in the country) with the share of people there: 1 is parity.

    Both are two sides of one requirement, no two readings of it: it is met where both are.
    """
    chosen = bench.facilities(record)
    if missing := bench.lacks(record, chosen):
        return no_data(record, *missing)
    world = bench.world
    values = bench.values(chosen.rows, record.asset)
    known = ~np.isnan(values)
    if not known.any():
        return no_data(record, record.asset, unknown=len(values))
    unknown = bench.untold(chosen, known, record.asset, record.types)
    urban_unit = (world.units["area_class"] == "urban").to_numpy()
    of_unit = world.facilities["unit"].to_numpy()[chosen.rows]
    supply, people = math.fsum(values[known]), math.fsum(world.unit_persons)
    readings = []
    for name, inside in (("urban", urban_unit), ("rural", ~urban_unit)):
        persons = math.fsum(world.unit_persons[inside])
        if persons <= 0 or supply <= 0:
            continue
        share = math.fsum(values[known & inside[of_unit]]) / supply
        readings.append(_parity(f"class.{name}", share / (persons / people), record.tolerance, unknown))
    if not readings:
        return no_data(record, record.asset)
    found = judged(record, "parity", readings, unknown=unknown, parameters={"supply": supply})
    verdicts = {reading.verdict for reading in readings}
    return replace(found, verdict=NOT_MET if NOT_MET in verdicts else found.verdict)


def _parity(name: str, value: float, tolerance: float | None, unknown: int) -> Reading:
    """Compare a parity with 1; while a supply is not known, it may lie on either side."""
    if tolerance is None:
        return Reading(name, value, NO_TARGET)
    low, high = max(1 - tolerance, 0.0), 1 + tolerance
    verdict: Verdict = NO_DATA if unknown else MET if in_bounds(value, low, high) else NOT_MET
    return Reading(name, value, verdict, low, high)

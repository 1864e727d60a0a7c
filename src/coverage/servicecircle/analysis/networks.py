"""Networks: tiers and who refers to whom, several services at once, what neighbours add, several records together."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.analysis.cover import covered
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
from servicecircle.analysis.quantiles import lower_quantiles
from servicecircle.analysis.shares import group_items
from servicecircle.standards.faults import COUNTED
from servicecircle.standards.model import MS_PER_MIN
from servicecircle.standards.vocabulary import accepts
from servicecircle.standards.wording import MISSING_GROUP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicecircle.analysis.bench import Bench
    from servicecircle.standards.kinds import Inventory, Nearest, Tier, Tiers


def tiers(bench: Bench, record: Tiers) -> Finding:
    """Judge a network level by level: a facility in each unit of each level, and a link to the level above.

    A facility below the top refers to one of the level above, or of any level above that.
    """
    missing = [code for tier in record.tiers if not bench.knows(tier.types) for code in tier.types]
    if missing:
        return no_data(record, *missing)
    readings: list[Reading] = []
    items: list[Item] = []
    for tier in record.tiers:
        reading, lacking = _tier(bench, tier)
        readings.append(reading)
        items += lacking
    if record.links:
        reading, lacking = _links(bench, record.tiers)
        readings.append(reading)
        items += lacking
    short = math.fsum(reading.short or 0.0 for reading in readings)
    verdicts = [reading.verdict for reading in readings]
    verdict: Verdict = NOT_MET if NOT_MET in verdicts else NO_DATA if NO_DATA in verdicts else MET
    whole = Reading("all_tiers", _mean(readings), verdict, 1.0, None, short)
    found = judged(record, "share", [whole], short_unit="gaps", items=tuple(items))
    return replace(found, readings=(whole, *readings))


def _mean(readings: Sequence[Reading]) -> float:
    values = [reading.value for reading in readings if reading.value is not None]
    return math.fsum(values) / len(values) if values else 0.0


def _tier(bench: Bench, tier: Tier) -> tuple[Reading, tuple[Item, ...]]:
    groups = bench.groups(tier.per, tier.unit_kinds)
    rows = bench.facilities(tier).rows
    held = np.isin(np.arange(len(groups.id)), bench.group_of(rows, groups))
    share = float(held.mean()) if len(held) else 0.0
    verdict: Verdict = NO_DATA if not len(held) else MET if held.all() else NOT_MET
    reading = Reading(f"tier.{tier.per}", share if len(held) else None, verdict, 1.0, None, float((~held).sum()))
    return reading, group_items(groups, ~held, "none_in_unit")


def _links(bench: Bench, levels: Sequence[Tier]) -> tuple[Reading, tuple[Item, ...]]:
    world = bench.world
    sent = world.links[world.links["link"] == "refers_to"]
    if not len(sent):
        return Reading("links", None, NO_DATA, 1.0, None, None), ()
    row_of = {str(code): row for row, code in enumerate(world.facilities["id"])}
    kinds = world.facilities["type"].to_numpy()
    names = world.facilities["name"].to_numpy()
    items, asked = [], 0
    for above, tier in zip(_above(levels), levels, strict=True):
        if not above:
            continue
        rows = bench.facilities(tier).rows
        asked += len(rows)
        for one, row in zip(bench.ids(rows), rows, strict=True):
            targets = sent.loc[sent["facility_id"] == one, "target_id"]
            if not any(target in row_of and kinds[row_of[target]] in above for target in targets):
                items.append(Item("facility", one, str(names[row]), why="no_link"))
    value = 1 - len(items) / asked if asked else 1.0
    return Reading("links", value, NOT_MET if items else MET, 1.0, None, float(len(items))), tuple(items)


def _above(levels: Sequence[Tier]) -> list[frozenset[str]]:
    """Return, for each level, the facility types of all levels above it."""
    accepted = [accepts(tier.types) for tier in levels]
    return [frozenset[str]().union(*accepted[:place]) for place in range(len(levels))]


def nearest(bench: Bench, record: Nearest) -> Finding:
    """Measure how many people are within the first band of each service, and the typical minutes.

    A service no input holds is listed as missing; with none at all there is no data. The first reading is the
    people within reach of every service that exists.
    """
    world, demand = bench.world, bench.world.demand
    if record.group and record.group not in demand.groups:
        return no_data(record, f"{MISSING_GROUP}{record.group}")
    people = demand.people(record.group)
    persons = math.fsum(people)
    known = [code for code in record.services if bench.knows((code,))]
    missing = tuple(code for code in record.services if code not in known)
    if not known or persons <= 0:
        return no_data(record, *record.services)
    readings, together = [], np.ones(len(people), dtype=bool)
    parameters: dict[str, float | str] = {"band_min": record.bands_min[0], "mode": record.mode}
    for code in known:
        rows = np.flatnonzero(world.facilities["type"].isin(accepts((code,)))).astype(np.int64)
        reach = bench.cache.by(rows, "time", record.mode, "to_facility")
        for place, band in enumerate(record.bands_min):
            near = covered(reach, round(band * MS_PER_MIN))[demand.piece_point]
            if place == 0:
                together &= near
            share = math.fsum(people[near]) / persons
            readings.append(Reading(f"service:{code}:{band:g}", share, NO_TARGET))
        value = reach.value[demand.piece_point].astype(np.int64)
        reached = reach.state[demand.piece_point] == 0
        everybody = np.zeros(len(value), dtype=np.int64)
        (median,) = lower_quantiles((0.5,), everybody, value, reached, people, 1)
        if not math.isnan(float(median[0])):
            parameters[f"median_min:{code}"] = float(median[0]) / MS_PER_MIN
    first = Reading("all_services", math.fsum(people[together]) / persons, NO_TARGET)
    items = tuple(Item("type", code, code, why="none_known") for code in missing)
    return judged(record, "share", [first, *readings], items=items, missing=missing, parameters=parameters)


def inventory(bench: Bench, record: Inventory) -> Finding:
    """Count the facilities of each type in the area; a type no input holds is listed as missing.

    One of which it is not known whether it has what the record needs is not counted, and told.
    """
    chosen = bench.facilities(record)
    if lacking := bench.lacks(record, chosen):
        return no_data(record, *lacking, unknown=chosen.unknown)
    counts = {code: len(bench.facilities(record, types=(code,)).rows) for code in record.types if bench.knows((code,))}
    every = len(chosen.rows)
    readings = [Reading("value", float(every), NO_TARGET)]
    readings += [Reading(f"type:{code}", float(count), NO_TARGET) for code, count in counts.items()]
    missing = tuple(code for code in record.types if code not in counts)
    return judged(record, COUNTED, readings, missing=missing, unknown=chosen.unknown)

"""The one registry of judges: kind of requirement -> function. None of them knows a clinic or a county.

Circles, radii and presences are measured for every piece of people (``analysis/evaluate.py``); every other kind has a
function here that turns a record into a :class:`Finding`. Requirements made of other requirements come last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from servicecircle.analysis import fleet, networks, ratios, shares, stated, zones
from servicecircle.analysis.cover import covered
from servicecircle.analysis.doubt import with_doubt
from servicecircle.analysis.evaluate import evaluate
from servicecircle.analysis.finding import (
    DEPENDS,
    MET,
    NO_DATA,
    NO_TARGET,
    NOT_MET,
    Finding,
    Item,
    Reading,
    Verdict,
    common,
    judged,
    no_data,
)
from servicecircle.analysis.select import missing_group
from servicecircle.analysis.summary import count_people, summarise, verdicts_of
from servicecircle.standards.catalogue import load_catalogue
from servicecircle.standards.model import Covering, Standard

if TYPE_CHECKING:
    from servicecircle.analysis.bench import Bench
    from servicecircle.analysis.evaluate import CriterionCoverage
    from servicecircle.standards.kinds import Composite, CrossBoundary

    Judge = Callable[[Bench, Any], Finding]

JUDGES: Mapping[str, Judge] = {
    "ratio": ratios.ratio,
    "portion": ratios.portion,
    "parity": ratios.parity,
    "share": shares.facility_share,
    "unit_share": shares.unit_share,
    "unit_floor": shares.unit_floor,
    "fleet": fleet.fleet,
    "exclusion": zones.exclusion,
    "colocation": zones.colocation,
    "nearest": networks.nearest,
    "inventory": networks.inventory,
    "tiers": networks.tiers,
    "reported": stated.reported,
    "siting": stated.siting,
    "context": stated.context,
}


def judge_all(bench: Bench, standards: Iterable[Standard]) -> tuple[Finding, ...]:
    """Judge every standard that is not measured at people's homes, in the order given."""
    chosen = tuple(standards)
    known = dict(load_catalogue()) | {standard.id: standard for standard in chosen}
    return tuple(_judge(bench, standard, known) for standard in chosen if not isinstance(standard, Covering))


def _judge(bench: Bench, standard: Standard, known: Mapping[str, Standard]) -> Finding:
    record: Any = standard
    if record.kind == "cross_boundary":
        return _cross_boundary(bench, record, known)
    if record.kind == "composite":
        return _composite(bench, record, known)
    return JUDGES[record.kind](bench, record)


def _composite(bench: Bench, record: Composite, known: Mapping[str, Standard]) -> Finding:
    """So many of several records (or all) must be met; one that is not known is neither met nor missed."""
    verdicts = {one: _verdict(bench, known[one], known) for one in record.of if one != record.id}
    met = sum(verdict == MET for verdict in verdicts.values())
    missed = sum(verdict == NOT_MET for verdict in verdicts.values())
    need = len(verdicts) if record.need is None else record.need
    verdict: Verdict = MET if met >= need else NOT_MET if len(verdicts) - missed < need else NO_DATA
    if verdict == NO_DATA:
        # what keeps it open: a reading before what is not known, and that before what has no target to miss
        open_ones = set(verdicts.values())
        verdict = next((one for one in (DEPENDS, NO_DATA) if one in open_ones), NO_TARGET)
    items = tuple(Item("record", one, one, why=state) for one, state in verdicts.items() if state != MET)
    if set(verdicts.values()) == {NO_DATA}:
        return replace(no_data(record, *verdicts), items=items)
    reading = Reading("records_met", float(met), verdict, float(need), None, float(max(need - met, 0)))
    return judged(record, "records", [reading], short_unit="records", items=items)


def _verdict(bench: Bench, standard: Standard, known: Mapping[str, Standard]) -> Verdict:
    if not isinstance(standard, Covering):
        verdict = _judge(bench, standard, known).verdict
        return NO_TARGET if standard.borrowed and verdict != NO_DATA else verdict
    if standard.borrowed:
        return NO_TARGET
    coverage = evaluate(bench.world, standard.criteria(), cache=bench.cache)
    return common(verdict for entry in coverage.criteria for verdict in _measured(bench, entry))


def _measured(bench: Bench, entry: CriterionCoverage) -> tuple[Verdict, ...]:
    """Return the verdicts of one measure, as the scorecard reads them."""
    summary = summarise(bench.world, entry, count_people(bench.world, entry), assumed_target=1.0)
    return verdicts_of(with_doubt(bench.world, entry, summary, bench.cache))


def _cross_boundary(bench: Bench, record: CrossBoundary, known: Mapping[str, Standard]) -> Finding:
    """People covered only because facilities outside the area count too, by each measure of the other record."""
    world = bench.world
    other: Any = known[record.of]
    if missing := missing_group(world.demand.groups, other):
        return no_data(record, *missing)
    readings = []
    outside: set[int] = set()
    for criterion in other.criteria():
        rows = world.facility_rows(criterion)
        if criterion.measure == "presence" or not len(rows):
            continue
        inside = rows[(world.facilities["unit"].to_numpy()[rows] >= 0)]
        outside |= set(rows.tolist()) - set(inside.tolist())
        applies = world.applies(criterion)[world.demand.piece_unit]
        covers = [
            covered(bench.cache.get(some, criterion), criterion.limit)[world.demand.piece_point] & applies
            if len(some)
            else np.zeros(len(applies), dtype=bool)
            for some in (rows, inside)
        ]
        people = world.people(criterion)
        gained = math.fsum(people[covers[0]]) - math.fsum(people[covers[1]])
        readings.append(Reading(f"criterion:{criterion.key}", gained, NO_TARGET))
    if not readings:
        return no_data(record, *getattr(other, "types", ()))
    parameters: dict[str, float | str] = {"of": record.of, "facilities_outside": len(outside)}
    return judged(record, "persons", readings, parameters=parameters)

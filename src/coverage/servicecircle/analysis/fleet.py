"""Vehicles: one for so many people, a share of one kind, a cap."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from servicecircle.analysis.bench import PEOPLE, Chosen
from servicecircle.analysis.bounds import exact, whole_need, whole_part
from servicecircle.analysis.finding import MET, NO_DATA, NO_TARGET, NOT_MET, Finding, Reading, Verdict, judged, no_data

if TYPE_CHECKING:
    from servicecircle.analysis.bench import Bench, Supply
    from servicecircle.standards.kinds import Fleet


def vehicles_needed(people: float, persons_per_vehicle: float, multiplier: float = 1.0) -> int:
    """Return the vehicles so many people need: people x multiplier / persons_per_vehicle, rounded up.

    Examples
    --------
    >>> vehicles_needed(412_454, 30_000), vehicles_needed(412_454, 30_000, 3.0)
    (14, 42)
    """
    return whole_need(float(exact(people) * exact(multiplier) / exact(persons_per_vehicle)))


def fleet(bench: Bench, record: Fleet) -> Finding:
    """Judge a fleet: its size for the people, a share of it, or its cap; whole vehicles, rounded up."""
    everything = bench.facilities(record, types=())
    have = bench.supply(record.asset, everything, whole_area=True)
    if have.total is None:
        return no_data(record, record.asset, unknown=have.unknown)
    if record.cap:
        return _cap(record, have)
    if record.share is not None:
        return _share(bench, record, everything, have)
    needed = _needed(bench, record)
    if not needed:
        return no_data(record, PEOPLE[record.basis or "resident"])
    readings = [_floor(f"basis.{basis}", have, need) for basis, need in needed.items()]
    parameters: dict[str, float | str] = {
        f"persons_{basis}": people for basis, people in bench.bases(record.basis).items()
    }
    parameters |= {"persons_per_vehicle": record.persons_per_vehicle or 0.0, "multiplier": record.multiplier}
    return judged(record, "vehicles", readings, short_unit="vehicles", unknown=have.unknown, parameters=parameters)


def _needed(bench: Bench, record: Fleet) -> dict[str, int]:
    """Return the vehicles needed by basis of people."""
    if record.persons_per_vehicle is None:
        return {}
    return {
        basis: vehicles_needed(people, record.persons_per_vehicle, record.multiplier)
        for basis, people in bench.bases(record.basis).items()
    }


def _floor(name: str, have: Supply, need: int) -> Reading:
    total = have.total or 0.0
    verdict: Verdict = MET if total >= need else NO_DATA if have.unknown else NOT_MET
    return Reading(name, total, verdict, float(need), None, max(need - total, 0.0))


def _share(bench: Bench, record: Fleet, everything: Chosen, have: Supply) -> Finding:
    """Judge a share of the fleet there is, and of the fleet the people need."""
    whole = bench.supply(record.share_of, everything, whole_area=True)
    # a share of no vehicle is no number
    fleets: dict[str, float] = {"fleet.actual": whole.total} if whole.total else {}
    fleets |= {f"fleet.needed.{basis}": float(need) for basis, need in _needed(bench, record).items()}
    if not fleets:
        return no_data(record, record.share_of)
    readings = [_floor(name, have, whole_part(record.share or 0.0, size)) for name, size in fleets.items()]
    if whole.total and whole.unknown:
        # vehicles nobody told of ask for more of the kind
        readings[0] = replace(readings[0], verdict=NO_DATA if readings[0].verdict == MET else readings[0].verdict)
    parameters: dict[str, float | str] = {**fleets, "share": record.share or 0.0}
    return judged(record, "vehicles", readings, short_unit="vehicles", unknown=have.unknown, parameters=parameters)


def _cap(record: Fleet, have: Supply) -> Finding:
    total = have.total or 0.0
    most = None if record.most is None else float(record.most)
    verdict: Verdict = NO_TARGET if most is None else NOT_MET if total > most else NO_DATA if have.unknown else MET
    short = None if most is None else max(total - most, 0.0)
    reading = Reading("value", total, verdict, None, most, short)
    return judged(record, "vehicles", [reading], short_unit="vehicles", unknown=have.unknown)

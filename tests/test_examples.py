"""Every requirement with a number holds just inside the number its plan prints, and not just outside of it.

The values stand in ``tests/examples/*.toml``, written by hand from the plans; each is put through the real comparison,
in a world that holds nothing else. What they mean, by kind: circle: minutes; radius, exclusion: km; presence:
facilities in the unit; ratio, portion, reported, unit_floor: the value; share, unit_share, colocation:
[how many have it, of how many]; fleet: [people, vehicles], or [vehicles of the kind, fleet] where a share is asked for.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from servicecircle.analysis import zones
from servicecircle.analysis.bench import Bench
from servicecircle.analysis.cover import covered, enough
from servicecircle.analysis.finding import MET, NOT_MET
from servicecircle.analysis.holdings import Holdings
from servicecircle.analysis.judge import JUDGES
from servicecircle.inputs.tables import ASSETS
from servicecircle.standards.catalogue import load_catalogue
from servicecircle.standards.model import Need, Standard
from servicecircle.standards.vocabulary import assets
from servicecircle.travel.reach import Reach

FOLDER = Path(__file__).parent / "examples"
MS_PER_MIN, MM_PER_KM = 60_000, 1_000_000


def _examples() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        found |= tomllib.loads(path.read_text(encoding="utf-8"))
    return found


EXAMPLES = _examples()

#: By kind, the fields one of which makes a threshold; a circle, a radius, a presence and a zone always have one.
THRESHOLDS = {
    "circle": ("limit_min",),
    "radius": ("limit_km",),
    "presence": ("at_least",),
    "exclusion": ("limit_km",),
    "ratio": ("at_least", "at_most"),
    "portion": ("at_least", "at_most"),
    "reported": ("at_least", "at_most"),
    "unit_floor": ("at_least", "at_most"),
    "share": ("target_share", "target_count"),
    "colocation": ("target_share", "target_count"),
    "unit_share": ("target_share",),
    "fleet": ("persons_per_vehicle", "share", "most"),
}
#: Kinds that have no number of their own, or one that no single value is held against.
NO_EXAMPLE = ("siting", "context", "inventory", "nearest", "tiers", "composite", "cross_boundary", "parity")


def has_threshold(record: Standard) -> bool:
    return any(getattr(record, name) is not None for name in THRESHOLDS.get(record.kind, ()))


WITH_THRESHOLD = {name: record for name, record in load_catalogue().items() if has_threshold(record)}


# -- a world that holds what an example says, and nothing else


@dataclass
class Place:
    """Facilities, units and what they have."""

    facilities: list[tuple[str, str]] = field(default_factory=list)
    """Type and owner."""
    units: list[tuple[str, str, str]] = field(default_factory=list)
    """Name, town and kind."""
    area_class: str = "rural"
    has: list[tuple[str, str, str, float]] = field(default_factory=list)
    """``facility``, ``unit``, ``town`` or ``area``; id; asset; value."""

    def facility(self, record: Any, owner: str = "") -> str:
        """Add a facility a record counts and return its id."""
        types = record.types or ("general_hospital",)
        self.facilities.append((types[0], owner or (getattr(record, "ownership", ()) or ("",))[0]))
        name = f"F{len(self.facilities):05d}"
        for need in getattr(record, "needs", ()):
            self.give("facility", name, need)
        return name

    def give(self, of: str, name: str, need: Need, *, met: bool = True) -> None:
        """Let somebody just meet a need, or just fail it."""
        whole = 1000.0 if need.share_of else 1.0
        if need.share_of:
            self.has.append((of, name, need.share_of, whole))
        self.has.append((of, name, need.has, _value(need, met=met) * whole))

    def bench(self) -> Bench:
        frame = pd.DataFrame(self.has, columns=["of", "target_id", "asset", "value"])
        frame = frame.assign(year=0).reindex(columns=list(ASSETS))
        ids = [f"F{k + 1:05d}" for k in range(len(self.facilities))]
        types, owners = zip(*self.facilities, strict=True) if self.facilities else ((), ())
        facilities = pd.DataFrame({"id": ids, "name": ids, "type": types, "ownership": owners, "unit": 0})
        units = self.units or [("甲村", "甲镇", "village")]
        names, towns, kinds = zip(*units, strict=True)
        of_units = {
            "id": names,
            "name": names,
            "parent": towns,
            "kind": kinds,
            "basis": "surveyed",
            "area_class": self.area_class,
        }
        holdings, frame_of_units = Holdings(frame), pd.DataFrame(of_units)
        world = SimpleNamespace(units=frame_of_units, facilities=facilities, known=facilities, holdings=holdings)
        return Bench(world, None)  # type: ignore[arg-type]


def _value(need: Need, *, met: bool) -> float:
    term = assets()[need.has]
    codes = [value.code for value in term.values]
    if need.one_of:
        return float(next(k for k, code in enumerate(codes) if (code in need.one_of) == met))
    if isinstance(need.at_least, str):
        return float(codes.index(need.at_least) - (not met))
    if need.at_least is not None:
        return need.at_least if met else need.at_least - 0.001
    if need.at_most is not None:
        return need.at_most if met else need.at_most + 0.001
    return float(met)


# -- one for each kind: does the example's value hold?


def _holds(record: Any, value: Any, patch: pytest.MonkeyPatch) -> bool:
    if record.kind in ("circle", "radius", "presence"):
        return _covers(record, value)
    finding = KINDS[record.kind](record, value, patch)
    assert finding.verdict in (MET, NOT_MET), finding
    return bool(finding.verdict == MET)


def _covers(record: Any, value: float) -> bool:
    said = set()
    for criterion in record.criteria():
        if criterion.measure == "presence":
            said.add(bool(enough(np.array([int(value)]), criterion.limit)[0]))
            continue
        number = round(value * (MS_PER_MIN if criterion.measure == "time" else MM_PER_KM))
        reach = Reach(np.array([number], dtype=np.int32), np.zeros(1, dtype=np.int32), np.zeros(1, dtype=np.int8))
        said.add(bool(covered(reach, criterion.limit)[0]))
    assert len(said) == 1, "the measures of one limit agree"
    return said.pop()


def _judge(record: Any, place: Place) -> Any:
    return JUDGES[record.kind](place.bench(), record)


def _people(place: Place, persons: float) -> None:
    for name in ("resident_population", "registered_population"):
        place.has.append(("area", "", name, persons))


def _ratio(record: Any, value: float, _: object) -> Any:
    place = Place()
    persons = record.planning_persons or 1000.0 * (record.per_people or 1)
    amount = value * persons / (record.per_people or 1)
    _people(place, persons)
    if record.asset == "facilities":
        for _number in range(round(amount)):
            place.facility(record)
        return _judge(record, place)
    one = place.facility(record)
    place.has.append(("facility", one, record.asset, amount))
    if record.per_asset:
        place.has.append(("facility", one, record.per_asset, persons))
    return _judge(record, place)


def _portion(record: Any, value: float, _: object) -> Any:
    place = Place()
    if record.part_ownership:
        for owner, amount in ((record.part_ownership[0], value), ("government", 1 - value)):
            one = place.facility(record, owner)
            place.has += [("facility", one, asset, amount) for asset in {*record.assets, record.of}]
        return _judge(record, place)
    one = place.facility(record)
    place.has += [("facility", one, asset, value if k == 0 else 0.0) for k, asset in enumerate(record.assets)]
    place.has.append(("facility", one, record.of, 1.0))
    return _judge(record, place)


def _reported(record: Any, value: float, _: object) -> Any:
    return _judge(record, Place(has=[("area", "", record.id, value)]))


TOWNS = {"street": "街道", "town": "镇"}


def _units(record: Any, count: int) -> tuple[Place, str, list[str]]:
    """Return a place with so many units of a record's level, what they are called, and their ids."""
    kind = (record.unit_kinds or ("village",))[0]
    if record.per == "county":
        assert count == 1
        return Place(), "area", [""]
    ending = TOWNS.get(kind, "镇")
    names = [f"{k}{ending}" for k in range(count)]
    place = Place(units=[(f"村{k}", town, kind if record.per == "village" else "") for k, town in enumerate(names)])
    return (place, "unit", [one[0] for one in place.units]) if record.per == "village" else (place, "town", names)


def _unit_floor(record: Any, value: float, _: object) -> Any:
    place, what, ids = _units(record, 1 if record.per == "county" else 3)
    # the mean does not help the one below: the others have a value that holds
    other = record.at_least if record.at_least is not None else record.at_most
    place.has += [(what, one, record.asset or record.id, value if k == 0 else other) for k, one in enumerate(ids)]
    return _judge(record, place)


def _must(place: Place, of: str, ids: list[str], record: Any, have: int) -> None:
    for k, one in enumerate(ids):
        for place_of_need, need in enumerate(record.must):
            place.give(of, one, need, met=k < have or place_of_need > 0)


def _share(record: Any, value: list[int], _: object) -> Any:
    have, count = value
    place = Place()
    _must(place, "facility", [place.facility(record) for _number in range(count)], record, have)
    return _judge(record, place)


def _unit_share(record: Any, value: list[int], _: object) -> Any:
    have, count = value
    place, what, ids = _units(record, count)
    _must(place, what, ids, record, have)
    return _judge(record, place)


def _fleet(record: Any, value: list[float], _: object) -> Any:
    place = Place()
    first, second = value
    if record.share is None:
        _people(place, first)
        place.has.append(("area", "", record.asset, second))
    else:
        # as many people as the fleet there is is enough for: the share of both fleets is the same
        _people(place, second * (record.persons_per_vehicle or 1.0) / record.multiplier)
        place.has += [("area", "", record.asset, first), ("area", "", record.share_of, second)]
    return _judge(record, place)


def _beside(record: Any, others: tuple[str, ...], near: list[int], patch: pytest.MonkeyPatch) -> Any:
    """Judge facilities whose nearest of some others is so many millimetres away."""
    place = Place(area_class=getattr(record, "area_class", None) or "rural")
    for _number in near:
        place.facility(record)
    place.facilities.append((others[0], ""))
    who = np.full(len(near), len(near))
    patch.setattr(zones, "nearest_facility", lambda _bench, _rows, _others: (np.array(near), who))
    return _judge(record, place)


def _exclusion(record: Any, value: float, patch: pytest.MonkeyPatch) -> Any:
    return _beside(record, record.around, [round(value * MM_PER_KM)], patch)


def _colocation(record: Any, value: list[int], patch: pytest.MonkeyPatch) -> Any:
    have, count = value
    limit = round(record.limit_m * 1000)
    return _beside(record, record.partners, [limit] * have + [limit + 1] * (count - have), patch)


KINDS = {
    "ratio": _ratio,
    "portion": _portion,
    "reported": _reported,
    "unit_floor": _unit_floor,
    "share": _share,
    "unit_share": _unit_share,
    "fleet": _fleet,
    "exclusion": _exclusion,
    "colocation": _colocation,
}


# -- the tests


def test_every_kind_has_a_threshold_or_none():
    assert {record.kind for record in load_catalogue().values()} <= {*THRESHOLDS, *NO_EXAMPLE}
    assert not set(THRESHOLDS) & set(NO_EXAMPLE)


def test_every_record_with_a_threshold_has_an_example():
    assert sorted(set(WITH_THRESHOLD) - set(EXAMPLES)) == []


def test_every_example_is_of_a_record_with_a_threshold():
    assert sorted(set(EXAMPLES) - set(WITH_THRESHOLD)) == []


def pairs() -> Iterator[Any]:
    for name in sorted(set(EXAMPLES) & set(WITH_THRESHOLD)):
        yield pytest.param(name, "", id=name)
        record: Any = WITH_THRESHOLD[name]
        if getattr(record, "at_least", None) is not None and getattr(record, "at_most", None) is not None:
            yield pytest.param(name, "_high", id=f"{name}-high")


@pytest.mark.parametrize(("name", "end"), list(pairs()))
def test_just_inside_holds_and_just_outside_does_not(name, end, monkeypatch):
    example, record = EXAMPLES[name], WITH_THRESHOLD[name]
    assert _holds(record, example[f"inside{end}"], monkeypatch)
    assert not _holds(record, example[f"outside{end}"], monkeypatch)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("shanting/S01", {"limit_min": 14.9}),
        ("shanting/S01", {"limit_min": 15.1}),
        ("baotou/B07", {"at_least": 3.9}),
        ("baotou/B07", {"at_least": 4.1}),
        ("kangbashi/K10", {"target_share": 0.4}),
        ("kangbashi/K10", {"target_share": 0.61}),
    ],
)
def test_another_number_would_be_seen(name, change, monkeypatch):
    """The examples do not come from the records: a record with a number a little off fails its example."""
    record = WITH_THRESHOLD[name].model_copy(update=change)
    example = EXAMPLES[name]
    held = _holds(record, example["inside"], monkeypatch), _holds(record, example["outside"], monkeypatch)
    assert held != (True, False)

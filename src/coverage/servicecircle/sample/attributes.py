"""What a place's facilities, towns and villages have, drawn by the lines of ``attributes.toml``.

A place is judged by every row of its plan, and the rows ask for attributes no list of facilities has: which codes are
needed is read from the records, so that a new record is served without a change here.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from servicecircle.sample.land import stream
from servicecircle.standards.catalogue import load_catalogue
from servicecircle.standards.faults import assets_of, types_of
from servicecircle.standards.kinds import Reported, UnitFloor, UnitShare
from servicecircle.standards.vocabulary import accepts, assets, facility_types, is_attribute

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from servicecircle.sample.presets import Preset
    from servicecircle.sample.services import Facility
    from servicecircle.standards.model import Standard

#: Codes the facility workbook has a column for, and the field of a facility.
OF_WORKBOOK = {
    "beds": "beds",
    "doctors": "doctors",
    "nurses": "nurses",
    "health_staff": "staff",
    "ambulances": "ambulances",
}
#: Codes that only the whole area has.
OF_AREA = ("resident_population", "registered_population", "planning_population", "births")
OTHER = "other"
YES, NO = "是", "否"
PERCENT = 100.0


@dataclass(frozen=True)
class Asked:
    """What the records of a plan ask for.

    Attributes
    ----------
    of_facility : dict
        Code to the facility types that need a value. A number of which the records name no types has none here: the
        types with a line of their own get it.
    of_town, of_unit : tuple of str
        Codes of towns and of villages.
    reported, of_town_reported, of_unit_reported : tuple of Reported or UnitFloor
        Records whose value is reported under their id: for the area, for towns, for villages.
    """

    of_facility: Mapping[str, frozenset[str]]
    of_town: tuple[str, ...]
    of_unit: tuple[str, ...]
    reported: tuple[Reported, ...]
    of_town_reported: tuple[UnitFloor, ...]
    of_unit_reported: tuple[UnitFloor, ...]


@cache
def rules() -> dict[str, Any]:
    """Return the lines of ``attributes.toml``."""
    return tomllib.loads(files("servicecircle.sample").joinpath("attributes.toml").read_text(encoding="utf-8"))


def records_of(plan: str) -> tuple[Standard, ...]:
    """Return the records of a plan."""
    return tuple(record for record in load_catalogue().values() if record.id.startswith(f"{plan}/"))


@cache
def asked(plan: str) -> Asked:
    """Return what the records of a plan ask for."""
    records = records_of(plan)
    of_units = [r for r in records if isinstance(r, UnitFloor | UnitShare) and not getattr(r, "types", ())]
    levels: dict[str, dict[str, None]] = {"township": {}, "village": {}, "county": {}}
    for unit_record in of_units:
        levels[unit_record.per].update(dict.fromkeys(assets_of(unit_record)))
    floors = [r for r in of_units if isinstance(r, UnitFloor) and not r.asset]
    of_facility: dict[str, frozenset[str]] = {}
    for record in records:
        if record not in of_units:
            for code in assets_of(record):
                named = types_of(record) or (tuple(facility_types()) if is_attribute(code) else ())
                of_facility[code] = of_facility.get(code, frozenset()) | accepts(named)
    given = (*OF_AREA, *OF_WORKBOOK)
    return Asked(
        of_facility={code: types for code, types in sorted(of_facility.items()) if code not in given},
        of_town=tuple(levels["township"]),
        of_unit=tuple(levels["village"]),
        reported=tuple(r for r in records if isinstance(r, Reported)),
        of_town_reported=tuple(r for r in floors if r.per == "township"),
        of_unit_reported=tuple(r for r in floors if r.per == "village"),
    )


def facility_columns(preset: Preset, facilities: Sequence[Facility], seed: int) -> dict[str, list[object]]:
    """Return a column for each code the facilities of a place need; an empty text is unknown."""
    wanted = dict(asked(preset.plan).of_facility)
    for code in list(wanted):
        if code in rules()["parts"] and (base := rules()["parts"][code]["of"]) not in OF_WORKBOOK:
            wanted[base] = wanted.get(base, frozenset()) | wanted[code]
    numbers: dict[str, list[object]] = {
        code: [getattr(f, field) for f in facilities] for code, field in OF_WORKBOOK.items()
    }
    # a part comes after what it is a part of
    for code in sorted(wanted, key=lambda code: (code in rules()["parts"], code)):
        column = _drawn(code, wanted[code], facilities, numbers, stream(seed, f"attribute {code}"))
        numbers[code] = _to_total(column, rules()["totals"].get(preset.plan, {}).get(code))
    return {code: numbers[code] for code in wanted}


def workbook_fields(preset: Preset, facilities: Sequence[Facility], seed: int) -> dict[str, list[Any]]:
    """Return the staff, beds and vehicles of a place's facilities.

    Facilities without a number get one where their type has a line; the sum is scaled to the total the plan prints.
    """
    found = {}
    for code, field in OF_WORKBOOK.items():
        rng = stream(seed, f"attribute {code}")
        drawn = [_value(code, f.type, frozenset(), rng) for f in facilities]
        held = [getattr(f, field) for f in facilities]
        column = [(None if new == "" else new) if old is None else old for old, new in zip(held, drawn, strict=True)]
        found[field] = _to_total(column, rules()["totals"].get(preset.plan, {}).get(code))
    return found


def unit_column(code: str, count: int, seed: int) -> list[object]:
    """Return one value of a code for each town or village; all are known."""
    rng = stream(seed, f"unit {code}")
    return [_value(code, OTHER, frozenset([OTHER]), rng) for _ in range(count)]


def reported_value(record: Reported | UnitFloor, rng: np.random.Generator) -> float:
    """Return what is reported under a record's id: near the printed bound, else the printed baseline."""
    lines = rules()["reported"]
    if record.at_least is not None:
        value = record.at_least * rng.uniform(*lines["floor"])
    elif record.at_most is not None:
        value = record.at_most * rng.uniform(*lines["ceiling"])
    else:
        value = lines["plain"] if record.baseline is None else record.baseline
    unit = getattr(record, "unit", "percent")
    if unit == "count":
        return float(round(value))
    return round(float(min(value, PERCENT) if unit == "percent" else value), 1)


def line_of(table: Mapping[str, Any], kind: str) -> Any:
    """Return the line of a facility type: its own, or of the nearest group above it, else ``other``."""
    at: str | None = kind
    while at is not None:
        if at in table:
            return table[at]
        at = facility_types()[at].parent if at in facility_types() else None
    return table.get(OTHER)


def _drawn(
    code: str,
    types: frozenset[str],
    facilities: Sequence[Facility],
    numbers: Mapping[str, list[object]],
    rng: np.random.Generator,
) -> list[object]:
    """Return one value for each facility, a few left empty."""
    part = rules()["parts"].get(code)
    # one number left out would leave every sum open
    empty_share = rules()["empty_share"] if is_attribute(code) else 0.0
    column: list[object] = []
    for k, facility in enumerate(facilities):
        # every facility draws, so that one more or less changes no other value
        empty = rng.random() < empty_share
        if part is not None:
            share, whole = rng.uniform(*part["share"]), numbers[part["of"]][k]
            held = isinstance(whole, int) and (not types or "every" in part or facility.type in types)
            value: object = round(share * float(str(whole))) if held else ""
        else:
            value = _value(code, facility.type, types, rng)
        column.append("" if empty else value)
    return column


def _value(code: str, kind: str, types: frozenset[str], rng: np.random.Generator) -> object:
    """Return a value of a code for a facility of a type, an empty text where it has none."""
    term = assets()[code]
    chance, whole = rng.random(), rng.random()
    if term.unit == "yes_no":
        share = line_of(rules()["yes"].get(code, {}), kind)
        if kind not in types:
            return ""
        return YES if chance < (rules()["default"]["yes"] if share is None else share) else NO
    if term.values:
        weights = line_of(rules()["levels"].get(code, {}), kind) or {value.code: 1.0 for value in term.values}
        if kind not in types:
            return ""
        edges = np.cumsum(list(weights.values()))
        chosen = list(weights)[min(int(np.searchsorted(edges, chance * edges[-1])), len(weights) - 1)]
        return next(value.zh for value in term.values if value.code == chosen)
    table = rules()["numbers"].get(code, {})
    line = line_of(table, kind)
    if line is None or line is table.get(OTHER):
        line = (line or rules()["default"]["number"]) if kind in types else None
    if line is None:
        return ""
    low, high = line
    return int(low + np.floor(whole * (high - low + 1)))


def _to_total(column: list[object], total: int | None) -> list[object]:
    """Return a column of whole numbers scaled to a total, the largest remainders rounded up; empty cells stay empty."""
    known = [k for k, value in enumerate(column) if isinstance(value, int)]
    values: NDArray[np.float64] = np.array([float(str(column[k])) for k in known])
    if total is None or not values.sum():
        return column
    scaled = values * total / values.sum()
    whole = np.floor(scaled).astype(np.int64)
    whole[np.argsort(whole - scaled, kind="stable")[: total - int(whole.sum())]] += 1
    result = list(column)
    for k, value in zip(known, whole.tolist(), strict=True):
        result[k] = value
    return result

"""What a schema cannot see in a record: words the vocabulary, the modes and the catalogue do not hold."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby

from servicecircle.errors import Problem, problem
from servicecircle.standards.model import Covering, Need, Standard
from servicecircle.standards.modes import standard_modes
from servicecircle.standards.vocabulary import assets, facility_types, is_attribute, ownerships

#: Fields of records that name facility types, ownership, assets, records and modes; a field holds one word or several.
TYPES = ("types", "around", "partners", "services")
OWNERS = ("ownership", "part_ownership")
ASSETS = ("asset", "assets", "of", "per_asset", "share_of")
RECORDS = ("of", "borrowed")
NEEDS = ("needs", "must")
#: Kinds whose ``of`` names records; elsewhere it names an asset.
OF_RECORDS = ("composite", "cross_boundary")
#: Kinds that are measured from people to facilities, with a limit.
DISTANCES = ("circle", "radius")
#: What may be counted though no input has a column for it: the facilities themselves.
COUNTED = "facilities"


def faults(records: Iterable[Standard], known: Mapping[str, Standard]) -> list[Problem]:
    """Return double ids, unknown words and impossible references of records.

    ``known`` are the records others may name, these among them. One of them that is not checked itself is checked for
    what it names: a study may put something else in the place of a shipped record.
    """
    problems: list[Problem] = []
    ordered = sorted(records, key=lambda record: record.id)
    for name, same in groupby(ordered, key=lambda record: record.id):
        if len(tuple(same)) > 1:
            problems.append(problem("standards.duplicate_id", id=name))
    for record in ordered:
        problems += _words(record, known)
        if isinstance(record, Covering):
            problems += _measures(record)
    checked = {record.id for record in ordered}
    others = (record for name, record in sorted(known.items()) if name not in checked)
    return problems + [fault for record in (*ordered, *others) for fault in _references(record, known)]


def most_similar(value: str, known: Iterable[str]) -> str:
    """Return the most similar name; among equals the first by name."""
    matcher = difflib.SequenceMatcher(b=value)

    def likeness(name: str) -> float:
        matcher.set_seq1(name)
        return matcher.ratio()

    return max(sorted(set(known)), key=likeness, default="-")


def types_of(record: Standard) -> tuple[str, ...]:
    """Return every facility type a record names, each once."""
    tiers = (code for tier in getattr(record, "tiers", ()) for code in tier.types)
    return tuple(dict.fromkeys((*_given(record, TYPES), *tiers)))


def assets_of(record: Standard) -> tuple[str, ...]:
    """Return every asset and attribute a record names, each once; not the facilities themselves."""
    fields = [name for name in ASSETS if name != "of" or record.kind not in OF_RECORDS]
    named = [code for code in _given(record, fields) if code != COUNTED]
    needs = [code for need in needs_of(record) for code in (need.has, need.share_of) if code]
    return tuple(dict.fromkeys((*named, *needs)))


def needs_of(record: Standard) -> tuple[Need, ...]:
    """Return every condition of a record."""
    return tuple(need for name in NEEDS for need in getattr(record, name, ()))


def _given(record: Standard, fields: Iterable[str]) -> Iterator[str]:
    for name in fields:
        value = getattr(record, name, ())
        yield from ((value,) if value else ()) if isinstance(value, str) else value


def records_of(record: Standard) -> tuple[str, ...]:
    """Return the records a record is made of: a composite's parts, what is measured with and without neighbours."""
    return tuple(_given(record, ("of",))) if record.kind in OF_RECORDS else ()


def _references(record: Standard, known: Mapping[str, Standard]) -> list[Problem]:
    """Refuse a record made of itself, by whatever way, and one measured with neighbours that is no circle or radius."""
    of = records_of(record)
    if record.id in (*of, record.borrowed):
        return [problem("standards.of_itself", id=record.id)]
    if record.kind == "cross_boundary":
        return [
            problem("standards.no_distance", id=record.id, value=name, kind=known[name].kind)
            for name in of
            if name in known and known[name].kind not in DISTANCES
        ]
    way = _way_back(record, known)
    return [problem("standards.circular", id=record.id, way=" → ".join(way))] if way else []


def _way_back(record: Standard, known: Mapping[str, Standard]) -> tuple[str, ...]:
    """Return how a record leads back to itself, each step once; empty where it does not."""
    open_ways: list[tuple[str, ...]] = [(record.id,)]
    seen = {record.id}
    while open_ways:
        way = open_ways.pop()
        here = record if len(way) == 1 else known[way[-1]]
        for name in records_of(here):
            if name == record.id:
                return (*way, name)
            if name in known and name not in seen:
                seen.add(name)
                open_ways.append((*way, name))
    return ()


def _words(record: Standard, known: Collection[str]) -> list[Problem]:
    kind = record.kind
    records = [name for name in RECORDS if name != "of" or kind in OF_RECORDS]
    mode = getattr(record, "mode", "")
    need, count = getattr(record, "need", None), len(records_of(record))
    return [
        *([problem("standards.too_many", id=record.id, need=need, count=count)] if need and need > count else []),
        *_unknown(record, "type", types_of(record), facility_types()),
        *_unknown(record, "ownership", _given(record, OWNERS), ownerships()),
        *_unknown(record, "asset", assets_of(record), assets()),
        *_no_amounts(record),
        *_unknown(record, "travel", (mode,) if mode else (), standard_modes()),
        *_unknown(record, "record", _given(record, records), known),
        *(fault for need in needs_of(record) for fault in _values(record, need)),
    ]


def _no_amounts(record: Standard) -> list[Problem]:
    """Refuse a level or category where something is added up: the third grade is not three of anything."""
    fields = [name for name in ASSETS if name != "of" or record.kind not in OF_RECORDS]
    amounts = dict.fromkeys((*_given(record, fields), *(need.share_of for need in needs_of(record))))
    ordered = ("level", "category")
    return [
        problem("standards.no_amount", id=record.id, value=code)
        for code in amounts
        if code in assets() and assets()[code].unit in ordered
    ]


def _values(record: Standard, need: Need) -> list[Problem]:
    """Return a fault for each value of a condition that the attribute does not have."""
    term = assets().get(need.has)
    if term is None:
        return []
    values = [value.code for value in term.values]
    named = (*need.one_of, *((need.at_least,) if isinstance(need.at_least, str) else ()))
    problems = _unknown(record, "value", named, values)
    if isinstance(need.at_least, str) and term.unit != "level" and not problems:
        problems.append(problem("standards.no_order", id=record.id, value=need.has))
    bounded = isinstance(need.at_least, float) or need.at_most is not None or bool(need.share_of)
    if is_attribute(need.has) and bounded:
        problems.append(problem("standards.no_number", id=record.id, value=need.has))
    return problems


def _measures(record: Covering) -> list[Problem]:
    """Circles have modes, radii ``straight`` and ``road:MODE``; each once, and a band the right way up."""
    modes = list(standard_modes())
    allowed = modes if record.kind == "circle" else ["straight", *(f"road:{mode}" for mode in modes)]
    problems = _unknown(record, "mode", record.measures, allowed)
    repeated = sorted({measure for measure in record.measures if record.measures.count(measure) > 1})
    problems += [problem("standards.repeated_measure", id=record.id, value=measure) for measure in repeated]
    low, high = record.preferred_km, record.limit_km
    if low is not None and high is not None and low >= high:
        problems.append(problem("standards.bad_band", id=record.id, preferred=low, limit=high))
    return problems


def _unknown(record: Standard, word: str, given: Iterable[str], known: Iterable[str]) -> list[Problem]:
    allowed = tuple(known)
    return [
        problem(f"standards.unknown_{word}", id=record.id, value=value, nearest=most_similar(value, allowed))
        for value in given
        if value not in allowed
    ]

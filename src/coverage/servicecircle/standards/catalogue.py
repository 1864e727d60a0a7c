"""The catalogue of shipped standards (``plans/*.toml``) and the choice a study makes from it."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import groupby
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.standards.model import Criterion, Standard
from servicecircle.standards.modes import standard_modes
from servicecircle.standards.vocabulary import facility_types, ownerships


@cache
def load_catalogue() -> Mapping[str, Standard]:
    """Return the shipped standards by id, read-only, in the order of files and records.

    Raises
    ------
    StudyError
        A shipped record is broken; every fault of every file is one problem.
    """
    return MappingProxyType(read_catalogue(files("servicecircle.standards").joinpath("plans")))


def read_catalogue(folder: Traversable) -> dict[str, Standard]:
    """Read every ``*.toml`` of a folder of records; ids start with the file's stem.

    Raises
    ------
    StudyError
        A file is not TOML or a record is faulty; all problems at once.
    """
    records: list[Standard] = []
    problems: list[Problem] = []
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            found, faults = _read_file(file)
            records += found
            problems += faults
    problems += _faults(records)
    if problems:
        raise StudyError(problems)
    return {record.id: record for record in records}


def _read_file(file: Traversable) -> tuple[list[Standard], list[Problem]]:
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return [], [problem("standards.not_toml", file=file.name, detail=str(error))]
    tables = tree.pop("standard", [])
    foreign = [*tree] if isinstance(tables, list) else [*tree, "standard"]
    problems = [problem("standards.foreign_table", file=file.name, key=key) for key in foreign]
    records: list[Standard] = []
    for number, values in enumerate(tables if isinstance(tables, list) else [], start=1):
        name = str(values.get("id", f"standard {number}"))
        try:
            records.append(Standard.model_validate(values))
        except ValidationError as error:
            problems += [_broken(file.name, name, item) for item in error.errors()]
        stem = file.name.removesuffix(".toml")
        if name.partition("/")[0] != stem:
            problems.append(problem("standards.foreign_id", file=file.name, id=name, stem=stem))
    return records, problems


def _broken(file: str, name: str, item: Any) -> Problem:
    place = ".".join(str(part) for part in item["loc"]) or "-"
    return problem("standards.broken", file=file, id=name, key=place, rule=item["msg"])


def select(use: Iterable[str], define: Iterable[Standard]) -> tuple[Standard, ...]:
    """Return the standards a study judges.

    Parameters
    ----------
    use : iterable of str
        Plans (``shanting``), groups (``national/ambulance``: every id that goes on with ``-`` or ``/``), single ids.
    define : iterable of Standard
        The study's own records; one with the id of a shipped record replaces it. All of them are judged.

    Returns
    -------
    tuple of Standard
        In the order of ``use``, inside one entry by id, each once; then the own records not yet named, as given.

    Raises
    ------
    StudyError
        An unknown entry, type, ownership or measure (the nearest known one is named), two own records of one id,
        or nothing at all to judge; all problems at once.
    """
    own = tuple(define)
    known = dict(load_catalogue()) | {record.id: record for record in own}
    problems = _faults(own)
    chosen: dict[str, Standard] = {}
    for entry in use:
        ids = _members(entry, known)
        chosen |= {name: known[name] for name in ids}
        if not ids:
            problems.append(problem("standards.unknown", entry=entry, nearest=_nearest(entry, _names(known))))
    chosen |= {record.id: record for record in own if record.id not in chosen}
    if not chosen and not problems:
        problems.append(problem("standards.none", known=", ".join(sorted({name.partition("/")[0] for name in known}))))
    if problems:
        raise StudyError(problems)
    return tuple(chosen.values())


def find(criteria: Iterable[Criterion], wanted: str) -> Criterion:
    """Return the criterion ``ID/MEASURE``, or the first one of a standard for ``ID``.

    Raises
    ------
    StudyError
        None of the criteria has this name; the nearest one is named.
    """
    offered = tuple(criteria)
    for criterion in offered:
        if wanted in (criterion.key, criterion.standard.id):
            return criterion
    names = [name for criterion in offered for name in (criterion.key, criterion.standard.id)]
    raise StudyError(problem("standards.unknown_criterion", wanted=wanted, nearest=_nearest(wanted, names)))


def _members(entry: str, known: Mapping[str, Standard]) -> list[str]:
    # A group ends at a separator: "shanting/S1" must not quietly mean S11 and S12.
    return sorted(name for name in known if name == entry or name.startswith((f"{entry}/", f"{entry}-")))


def _names(known: Iterable[str]) -> list[str]:
    """Return everything an entry of ``use`` may say: ids, their plans and their groups."""
    names: set[str] = set()
    for name in known:
        plan, _, rest = name.partition("/")
        words = rest.split("-")
        names |= {name, plan} | {f"{plan}/{'-'.join(words[:count])}" for count in range(1, len(words))}
    return sorted(names)


def _nearest(value: str, known: Iterable[str]) -> str:
    """Return the most similar name; among equals the first by name."""
    matcher = difflib.SequenceMatcher(b=value)

    def likeness(name: str) -> float:
        matcher.set_seq1(name)
        return matcher.ratio()

    return max(sorted(set(known)), key=likeness, default="-")


def _faults(records: Iterable[Standard]) -> list[Problem]:
    """Return what a schema cannot see: double ids and words the vocabulary and the modes do not hold."""
    problems: list[Problem] = []
    ordered = sorted(records, key=lambda record: record.id)
    for name, same in groupby(ordered, key=lambda record: record.id):
        if len(tuple(same)) > 1:
            problems.append(problem("standards.duplicate_id", id=name))
    for record in ordered:
        problems += _unknown(record, "type", record.types, facility_types())
        problems += _unknown(record, "ownership", record.ownership, ownerships())
        problems += _unknown(record, "mode", record.measures, _measures(record))
        repeated = sorted({measure for measure in record.measures if record.measures.count(measure) > 1})
        problems += [problem("standards.repeated_measure", id=record.id, value=measure) for measure in repeated]
        low, high = record.preferred_km, record.limit_km
        if low is not None and high is not None and low >= high:
            problems.append(problem("standards.bad_band", id=record.id, preferred=low, limit=high))
    return problems


def _unknown(record: Standard, word: str, given: Iterable[str], known: Iterable[str]) -> list[Problem]:
    allowed = tuple(known)
    return [
        problem(f"standards.unknown_{word}", id=record.id, value=value, nearest=_nearest(value, allowed))
        for value in given
        if value not in allowed
    ]


def _measures(record: Standard) -> list[str]:
    """Return the measures a kind may have: modes for a circle, ``straight`` and ``road:MODE`` for a radius."""
    modes = list(standard_modes())
    return modes if record.kind == "circle" else ["straight", *(f"road:{mode}" for mode in modes)]

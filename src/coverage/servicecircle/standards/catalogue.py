"""The catalogue of shipped standards (``plans/*.toml``) and the choice a study makes from it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.standards.faults import OF_RECORDS, faults, most_similar
from servicecircle.standards.kinds import STANDARD, AnyStandard
from servicecircle.standards.model import Criterion, Standard
from servicecircle.standards.refusals import UNTAGGED, models_in, nearest_key, rule


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
            found, broken = _read_file(file)
            records += found
            problems += broken
    problems += faults(records, {record.id: record for record in records})
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
        name = str(values.get("id", f"standard {number}") if isinstance(values, dict) else values)
        try:
            records.append(STANDARD.validate_python(values))
        except ValidationError as error:
            problems += [_broken(file.name, name, item) for item in error.errors()]
        stem = file.name.removesuffix(".toml")
        if name.partition("/")[0] != stem:
            problems.append(problem("standards.foreign_id", file=file.name, id=name, stem=stem))
    return records, problems


def _broken(file: str, name: str, item: Any) -> Problem:
    # the first part names the kind of the record, not a key
    location = [str(part) for part in item["loc"]]
    place = ".".join(location[1:]) or ("kind" if item["type"] in UNTAGGED else "-")
    more = {"nearest": nearest_key(models_in(AnyStandard), location)} if item["type"] == "extra_forbidden" else {}
    return problem("standards.broken", file=file, id=name, key=place, rule=rule(item, **more))


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
    problems = faults(own, known)
    chosen: dict[str, Standard] = {}
    for entry in use:
        ids = _members(entry, known)
        chosen |= {name: known[name] for name in ids}
        if not ids:
            problems.append(problem("standards.unknown", entry=entry, nearest=most_similar(entry, _names(known))))
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
    raise StudyError(problem("standards.unknown_criterion", wanted=wanted, nearest=most_similar(wanted, names)))


def travelled(standard: Standard) -> frozenset[str]:
    """Return the modes a standard is measured by, those of the shipped records it is made of included."""
    own = {criterion.mode for criterion in standard.criteria()} | {getattr(standard, "mode", "")}
    parts = getattr(standard, "of", ()) if getattr(standard, "kind", "") in OF_RECORDS else ()
    known = load_catalogue() if parts else {}
    for name in (parts,) if isinstance(parts, str) else parts:
        if name in known and name != standard.id:
            own |= travelled(known[name])
    return frozenset(own - {""})


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

"""How a comparison is told: lines for a terminal, one JSON document, and ``changes.csv``."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.inputs.problems import some
from servicecircle.outputs.compare import UnitChange
from servicecircle.outputs.folder import cannot_write, put
from servicecircle.text.guard import guard
from servicecircle.text.text import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from servicecircle.outputs.causes import Cause
    from servicecircle.outputs.compare import Comparison, RowChange, Tally

TABLE = "changes.csv"
DOCUMENT = "changes.json"
#: Columns of ``changes.csv``, the fields of a :class:`UnitChange`.
COLUMNS = tuple(one.name for one in fields(UnitChange))
#: Units told one by one on a terminal, of each criterion; the rest is counted and stands in the files.
TOLD = 20
#: Characters of a value told on a terminal.
LONGEST = 60


def lines(found: Comparison, language: str) -> Iterator[str]:
    """Yield what a terminal shows, the causes first."""
    names = {"old": str(found.old.folder), "new": str(found.new.folder)}
    if found.equal:
        yield say(language, "cli.compare.equal", files=len(found.new.hashes), **names)
        return
    yield say(language, "cli.compare.head", **names)
    yield from _cause_lines(found, language)
    if found.same_results:
        yield say(language, "cli.compare.same_results", files=", ".join(found.files) or "-")
        return
    for name, (old, new) in found.people.items():
        yield say(language, "cli.compare.people", part=_part(name, language), old=_sum(old), new=_sum(new))
    for one in found.criteria:
        yield from _row_lines(one, "criterion", language)
    for tally in found.tallies:
        yield from _unit_lines(found, tally, language)
    for one in found.scorecard:
        yield from _row_lines(one, "scorecard_row", language)


def _cause_lines(found: Comparison, language: str) -> Iterator[str]:
    if not found.causes:
        yield say(language, "cli.compare.no_cause")
        return
    separator = say(language, "cli.compare.separator")
    yield say(language, "cli.compare.causes", classes=separator.join(_class(name, language) for name in found.classes))
    for cause in found.causes:
        yield f"  {_cause(cause, language)}"


def _class(kind: str, language: str) -> str:
    return say(language, f"cli.compare.class.{kind}")


def _cause(cause: Cause, language: str) -> str:
    kind = _class(cause.kind, language)
    if cause.what == "file":
        key = "file" if cause.old and cause.new else "file_new" if cause.new else "file_gone"
        return say(language, f"cli.compare.{key}", kind=kind, file=cause.name)
    return say(language, "cli.compare.value", kind=kind, name=cause.name, old=_value(cause.old), new=_value(cause.new))


def _value(value: Any) -> str:
    text = "-" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _sum(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


def _part(name: str, language: str) -> str:
    known = ("window", "in_units", "outside_units")
    return say(language, f"cli.compare.part.{name}") if name in known else name


def _row_lines(one: RowChange, key: str, language: str) -> Iterator[str]:
    title = one.title.splitlines()[0] if one.title else ""
    change = say(language, f"cli.compare.change.{one.change}")
    yield say(language, f"cli.compare.{key}", id=one.id, title=title, change=change)
    if one.change != "changed":
        return
    for name, (old, new) in one.cells.items():
        key = "cli.compare.gaps" if name == "gaps" else f"tables.header.{_HEADERS.get(name, name)}"
        values = {"column": say(language, key), "old": _cell(name, old, language), "new": _cell(name, new, language)}
        yield f"  {say(language, 'cli.compare.cell', **values)}"


#: Columns whose header has another key than their name.
_HEADERS = {"verdict": "verdict_text", "assumed_verdict": "assumed_verdict_text"}


def _cell(name: str, text: str, language: str) -> str:
    """Return a cell as a person reads it: machine words in the language, several lines as one."""
    if not text:
        return "-"
    if name in ("state", "verdict", "assumed_verdict"):
        return say(language, f"tables.word.{text}")
    return "; ".join(text.splitlines())


def _unit_lines(found: Comparison, tally: Tally, language: str) -> Iterator[str]:
    values = asdict(tally) | {"gained": f"{tally.gained:,.1f}", "lost": f"{tally.lost:,.1f}"}
    counted = tally.newly_short + tally.no_longer_short + tally.people + tally.appeared + tally.gone
    yield say(language, "cli.compare.tally" if counted else "cli.compare.tally_value", **values)
    mine = [one for one in found.units if one.criterion == tally.criterion and one.change != "value"]
    for one in mine[:TOLD]:
        yield f"  {_unit(one, language)}"
    if len(mine) > TOLD:
        yield f"  {say(language, 'cli.compare.more', count=len(mine) - TOLD)}"


def _unit(one: UnitChange, language: str) -> str:
    where = {"id": one.unit_id, "name": one.name, "town": one.parent or "-"}
    if one.change in ("appeared", "gone"):
        side = "after" if one.change == "appeared" else "before"
        values = {
            "verdict": _verdict(getattr(one, f"short_{side}"), language),
            "covered": _persons(getattr(one, f"covered_{side}")),
            "persons": _persons(getattr(one, f"persons_{side}")),
        }
        return say(language, f"cli.compare.unit_{one.change}", **where, **values)
    verdict = _verdict(one.short_after, language)
    if one.change == "verdict":
        pair = {"old": _verdict(one.short_before, language), "new": verdict}
        verdict = say(language, "cli.compare.turned", **pair)
    people = say(language, "cli.compare.nobody") if not one.difference else f"{one.difference:+,.1f}"
    values = {
        "verdict": verdict,
        "before": _persons(one.covered_before),
        "all_before": _persons(one.persons_before),
        "after": _persons(one.covered_after),
        "all_after": _persons(one.persons_after),
        "people": people,
    }
    return say(language, "cli.compare.unit", **where, **values)


def _verdict(short: str, language: str) -> str:
    return say(language, f"cli.compare.short.{short or 'unknown'}")


def _persons(text: str) -> str:
    return f"{float(text):,.1f}" if text else "-"


def notices(found: Comparison) -> list[Problem]:
    """Return what the reader should know: files touched since, and words that cannot be compared."""
    told = [
        problem("compare.touched", folder=str(run.folder), files=some(run.touched))
        for run in (found.old, found.new)
        if run.touched
    ]
    if found.old.language != found.new.language:
        told.append(problem("compare.language", old=found.old.language, new=found.new.language))
    return told


def document(found: Comparison) -> dict[str, Any]:
    """Return the comparison as one JSON tree; numbers of people are numbers, cells of tables stay text."""
    return {
        "old": str(found.old.folder),
        "new": str(found.new.folder),
        "equal": found.equal,
        "same_results": found.same_results,
        "classes": found.classes,
        "causes": [asdict(cause) for cause in found.causes],
        "people": {name: {"old": old, "new": new} for name, (old, new) in found.people.items()},
        "criteria": [_row_record(one) for one in found.criteria],
        "tallies": [asdict(one) | {"gained": float(one.gained), "lost": float(one.lost)} for one in found.tallies],
        "units": [asdict(one) | {"difference": float(one.difference)} for one in found.units],
        "scorecard": [_row_record(one) for one in found.scorecard],
        "files": list(found.files),
    }


def _row_record(one: RowChange) -> dict[str, Any]:
    cells: Mapping[str, tuple[str, str]] = one.cells
    return {
        "id": one.id,
        "title": one.title,
        "change": one.change,
        "cells": {name: {"old": old, "new": new} for name, (old, new) in cells.items()},
    }


def table_bytes(found: Comparison) -> bytes:
    """Return ``changes.csv``: one row per unit and criterion that changed, written like every table of ours."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in found.units:
        values = asdict(one) | {"difference": f"{one.difference.normalize() + 0:f}"}
        numeric = ("persons_", "covered_", "difference")
        writer.writerow([v if n.startswith(numeric) else guard(v) for n, v in values.items()])
    return text.getvalue().encode("utf-8-sig")


def write_changes(found: Comparison, folder: Path) -> list[Path]:
    """Write ``changes.csv`` and ``changes.json`` into a folder, which is made where there is none.

    Earlier files of the same kind are replaced.

    Raises
    ------
    StudyError
        A file of that name is not ours, the folder is one of the two compared, or nothing can be written.
    """
    if folder.resolve() in (found.old.folder.resolve(), found.new.folder.resolve()):
        raise StudyError(problem("compare.own_folder", folder=str(folder)))
    tree = json.dumps(document(found), ensure_ascii=False, allow_nan=False, indent=1, sort_keys=True)
    contents = {TABLE: table_bytes(found), DOCUMENT: f"{tree}\n".encode()}
    foreign = [name for name in contents if (folder / name).exists() and not _is_ours(folder / name)]
    if foreign:
        raise StudyError([problem("compare.foreign_file", file=name, folder=str(folder)) for name in foreign])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            half = folder / f".servicecircle-{name}"
            put(half, content)
            half.replace(folder / name)
    except OSError as error:
        raise StudyError(cannot_write(error, folder)) from error
    return [folder / name for name in contents]


def _is_ours(path: Path) -> bool:
    marks = {TABLE: ",".join(COLUMNS).encode(), DOCUMENT: b'"same_results":'}
    return path.is_file() and marks[path.name] in path.read_bytes()

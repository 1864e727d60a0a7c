"""Read a study file: all problems listed at once, each with its place in the file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.standards.refusals import nearest_key, rule
from servicecircle.study.model import Study


def load_study(path: str | Path) -> Study:
    """Read a study file.

    Raises
    ------
    StudyError
        The file is missing, is not TOML, or breaks the schema; every mistake is one problem.
    """
    path = Path(path)
    if not path.is_file():
        raise StudyError(problem("study.missing", file=str(path)))
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise StudyError(problem("study.not_utf8", file=str(path), position=error.start)) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise StudyError(problem("study.not_toml", file=str(path), detail=str(error))) from error
    return study_from(tree, path)


def study_from(tree: dict[str, Any], path: Path) -> Study:
    """Validate a parsed study (for notebooks that build one as a dict); ``path`` anchors relative paths."""
    try:
        study = Study.model_validate(tree)
    except ValidationError as error:
        raise StudyError([_problem(item, tree, path) for item in _own(error.errors())]) from error
    study._path = path  # noqa: SLF001 - set once, by the only function that makes a study
    return study


def _own(errors: list[Any]) -> list[Any]:
    """Leave out "too short" where the list is short only because its own entries were refused."""
    places = [error["loc"] for error in errors]
    return [
        e
        for e in errors
        if e["type"] != "too_short"
        or not any(len(p) > len(e["loc"]) and p[: len(e["loc"])] == e["loc"] for p in places)
    ]


#: Where the study's own records stand; behind their number pydantic puts the kind, which is no key.
RECORDS = ("standards", "define")


def _problem(error: Any, tree: dict[str, Any], path: Path) -> Problem:
    """Turn one pydantic error into a problem with its place in the file, and the record it is in."""
    location = [str(part) for part in error["loc"]]
    place = _place(location, tree)
    kind = error["type"]
    value = error.get("input")
    if kind == "extra_forbidden":
        return problem("study.unknown_key", file=str(path), key=place, nearest=nearest_key([Study], location))
    if kind == "missing":
        return problem("study.missing_key", file=str(path), key=place)
    if isinstance(value, dict | list):
        return problem("study.bad_table", file=str(path), key=place, rule=rule(error))
    return problem("study.bad_value", file=str(path), key=place, value=repr(value), rule=rule(error))


def _place(location: list[str], tree: dict[str, Any]) -> str:
    """Return the dotted place of a key; inside a record with the record's id, since counting records is tedious."""
    if tuple(location[:2]) != RECORDS or len(location) < len(RECORDS) + 1:
        return ".".join(location)
    number, inside = location[2], location[4:]
    record = tree["standards"]["define"][int(number)]
    name = record.get("id") if isinstance(record, dict) else None
    return ".".join((*RECORDS, number, *inside)) + (f" ({name})" if name else "")

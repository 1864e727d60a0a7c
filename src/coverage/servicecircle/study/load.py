"""Read a study file: all problems listed at once, each with its place in the file."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from servicecircle.errors import Problem, StudyError, problem
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
        raise StudyError([_problem(item, path) for item in _own(error.errors())]) from error
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


#: pydantic error types with a sentence of their own, under ``study.rule``.
RULES = frozenset(
    "two_bases one_population two_counts compare_raster group_column town_parent asset_form one_limit measures "
    "one_road_source no_road_class string_pattern_mismatch too_short greater_than greater_than_equal less_than_equal "
    "literal_error string_too_short finite_number string_type "
    "float_type float_parsing int_type int_parsing int_from_float bool_type bool_parsing "
    "tuple_type dict_type model_type".split()
)


def _rule(error: Any) -> Problem | str:
    if error["type"] not in RULES:
        return str(error["msg"])
    return problem(f"study.rule.{error['type']}", **error.get("ctx", {}))


def _problem(error: Any, path: Path) -> Problem:
    """Turn one pydantic error into a problem with its place in the file."""
    location = [str(part) for part in error["loc"]]
    place = ".".join(location)
    kind = error["type"]
    value = error.get("input")
    if kind == "extra_forbidden":
        parent, key = location[:-1], location[-1]
        known = sorted(_fields_at(parent))
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5) or known[:1]
        return problem("study.unknown_key", file=str(path), key=place, nearest=near[0] if near else "-")
    if kind == "missing":
        return problem("study.missing_key", file=str(path), key=place)
    if isinstance(value, dict | list):
        return problem("study.bad_table", file=str(path), key=place, rule=_rule(error))
    shown = repr(value)
    return problem("study.bad_value", file=str(path), key=place, value=shown, rule=_rule(error))


def _fields_at(location: list[str]) -> set[str]:
    """Return the keys the schema knows at a location; tuples and optionals are looked through."""
    models: list[type[BaseModel]] = [Study]
    for part in location:
        if part.isdigit():
            continue
        found = [
            m for model in models if part in model.model_fields for m in _models_in(model.model_fields[part].annotation)
        ]
        models = found or models
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]

"""Why a record or a key is refused: one sentence in both languages for each kind of mistake a schema can see."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from servicecircle.errors import Problem, problem

#: pydantic error types with a sentence of their own, under ``study.rule``.
RULES = frozenset(
    "two_bases one_population two_counts compare_raster group_column town_parent asset_form one_limit measures "
    "one_road_source no_road_class string_pattern_mismatch too_short greater_than greater_than_equal less_than_equal "
    "literal_error string_too_short finite_number string_type "
    "float_type float_parsing int_type int_parsing int_from_float bool_type bool_parsing "
    "tuple_type dict_type model_type model_attributes_type "
    "union_tag_invalid union_tag_not_found band clause no_source one_divisor planning ratio_types two_targets "
    "fleet_most fleet_rule foreign_key missing extra_forbidden".split()
)

#: Errors of a record whose kind is not known: their place is the record itself.
UNTAGGED = ("union_tag_invalid", "union_tag_not_found", "model_attributes_type")


def rule(error: Any, **values: Any) -> Problem | str:
    """Return what one pydantic error says, as a problem; ``values`` fill further placeholders.

    An error without a sentence of its own keeps pydantic's words: a fault of the package a test looks for.
    """
    if error["type"] not in RULES:
        return str(error["msg"])
    return problem(f"study.rule.{error['type']}", **error.get("ctx", {}), **values)


def nearest_key(models: Sequence[type[BaseModel]], location: Sequence[str]) -> str:
    """Return the known key most like the last part of a location, ``-`` where the schema knows none."""
    known = sorted(_fields_at(models, location[:-1]))
    near = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.5) or known[:1]
    return near[0] if near else "-"


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models in a type; tuples, unions and optionals are looked through."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def kinds_of(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the kinds a record's class stands for; nothing for a table that has no kind."""
    field = model.model_fields.get("kind")
    return () if field is None else tuple(str(kind) for kind in get_args(field.annotation))


def _fields_at(models: Sequence[type[BaseModel]], location: Iterable[str]) -> set[str]:
    here = list(models)
    for part in location:
        if part.isdigit():
            continue
        inside = [
            m for model in here if part in model.model_fields for m in models_in(model.model_fields[part].annotation)
        ]
        # pydantic names the kind of a record as if it were a table
        here = inside or [model for model in here if part in kinds_of(model)] or here
    return {field.alias or name for model in here for name, field in model.model_fields.items()}

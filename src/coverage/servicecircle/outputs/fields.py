"""The field dictionary, ``fields.csv`` and a sheet of the workbook: each column of each output, from the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from servicecircle.outputs.tables import TABLES
from servicecircle.text.text import say

if TYPE_CHECKING:
    from servicecircle.outputs.tables import Column


def field_rows(language: str) -> list[tuple[str, ...]]:
    """Return the field dictionary: place, column, header, unit, meaning and rounding of every column."""
    return [_field_row(table, column, language) for table, described in TABLES.items() for column in described]


def field_frame(language: str) -> pd.DataFrame:
    """Return the field dictionary as a table, columns as in ``TABLES["fields"]``."""
    return pd.DataFrame(field_rows(language), columns=[column.name for column in TABLES["fields"]])


def _field_row(table: str, column: Column, language: str) -> tuple[str, ...]:
    return (
        say(language, f"tables.where.{table}"),
        column.name,
        say(language, f"tables.header.{column.key}"),
        say(language, f"tables.unit.{column.unit or column.shape}"),
        say(language, f"tables.meaning.{column.key}"),
        say(language, f"tables.rounding.{column.rounded}"),
    )

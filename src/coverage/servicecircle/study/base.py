"""What the tables of the study file are made of: a frozen table, a file, and a file with its coordinate system."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Crs = Literal["WGS84", "CGCS2000", "GCJ-02"] | str


class Section(BaseModel):
    """A frozen table of the study file that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class File(Section):
    """A file of the study and who made it."""

    path: str = Field(min_length=1)
    """File, relative to the study file."""
    source: str | None = None
    """Who made the data (printed on the map)."""
    licence: str | None = None
    """Licence of the data (printed on the map)."""


class Source(File):
    """A file of the study and how it is read."""

    layer: str | None = None
    """Layer of a vector file or sheet of a workbook; the first one when left out."""
    crs: Crs | None = None
    """Coordinate system where the file does not say: ``WGS84``, ``CGCS2000``, ``GCJ-02`` or a code (``EPSG:4547``)."""


def path_as_source(value: Any) -> Any:
    """Read a text as the path of a source."""
    return {"path": value} if isinstance(value, str) else value


def one_or_more(value: Any) -> Any:
    """Read a text as a list of one."""
    return (value,) if isinstance(value, str) else value

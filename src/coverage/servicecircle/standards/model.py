"""The types of a standard: a cited requirement, and the measurable tests (criteria) inside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Direction = Literal["to_facility", "from_facility"]
AreaClass = Literal["urban", "rural"]
Kind = Literal["circle", "radius", "presence"]
Status = Literal["plan", "national", "national_unverified", "study"]

MS_PER_MIN = 60_000
MM_PER_KM = 1_000_000


class Record(BaseModel):
    """A frozen record that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class Title(Record):
    """A short name in both languages."""

    zh: str
    """In Chinese."""
    en: str
    """In English."""

    def in_language(self, language: str) -> str:
        """Return the title in ``zh`` or ``en``."""
        return self.zh if language == "zh" else self.en


class Standard(Record):
    """A cited requirement: what a plan's line demands, of which facilities, for whom."""

    id: str = Field(min_length=1)
    """Identifier, ``<plan>/<row>`` of the register, e.g. ``shanting/S01``."""
    title: Title
    """Short name in Chinese and English."""
    plan: str = ""
    """File name of the plan the record quotes; empty for a study's own standard."""
    line: int | None = None
    """Line of that file, counted from 1."""
    quote: str = ""
    """A short quote that stands on that line."""
    source: str = ""
    """Where a national record comes from."""
    status: Status = "study"
    """``plan``: printed in a plan; ``national``: found in a public page; ``national_unverified``: not yet checked
    against a source; ``study``: the study's own."""
    kind: Kind
    """``circle`` (travel time), ``radius`` (distance) or ``presence`` (one per unit)."""
    types: tuple[str, ...] = Field(min_length=1)
    """Facility types that satisfy the requirement, as codes of the vocabulary."""
    ownership: tuple[str, ...] = ()
    """Ownership values that count; empty means any."""
    measures: tuple[str, ...] = ()
    """Modes (``walk``, ``drive`` ...), ``straight`` or ``road:MODE``; one criterion each. Not for presence."""
    direction: Direction = "to_facility"
    """``to_facility``: people travel; ``from_facility``: the service travels (ambulance)."""
    limit_min: float | None = Field(default=None, ge=0.01, le=1440)
    """Limit of a circle in minutes; a value equal to the limit holds."""
    limit_km: float | None = Field(default=None, ge=0.001, le=1000)
    """Limit of a radius in kilometres; a value equal to the limit holds."""
    preferred_km: float | None = Field(default=None, ge=0.001, le=1000)
    """Lower end of a band such as 10-20 km: better than the limit asks."""
    preferred_only: bool = False
    """The plan says "preferably" (为宜): a wish, not a limit."""
    at_least: int = Field(default=1, ge=1)
    """Facilities a unit needs (presence)."""
    per: Literal["village", "township", "county"] = "village"
    """Level of the units a presence counts in: the units themselves, their parents, or the whole area."""
    unit_kinds: tuple[Literal["village", "community", "town", "street"], ...] = ()
    """Kinds of unit a presence applies to; empty means all."""
    area_class: AreaClass | None = None
    """Applies only to people in units of this class."""
    group: str = ""
    """Counts only this group of people, by its name in ``[population] groups``, e.g. ``65+``; empty: everybody."""
    target_share: float | None = Field(default=None, gt=0, le=1)
    """Share of people (or units) the plan demands; most plans print none."""
    target_of: Literal["people", "units"] = "people"
    """What ``target_share`` counts."""
    note: Title | None = None
    """What the plan leaves open and how the record reads it."""

    @model_validator(mode="after")
    def _one_threshold(self) -> Standard:
        given = {"circle": self.limit_min, "radius": self.limit_km, "presence": self.at_least}[self.kind]
        other = self.limit_km if self.kind == "circle" else self.limit_min
        if given is None or other is not None:
            wanted = "limit_min" if self.kind == "circle" else "limit_km"
            raise PydanticCustomError(
                "one_limit", "a {kind} has exactly one limit: {wanted}", {"kind": self.kind, "wanted": wanted}
            )
        if (self.kind == "presence") != (not self.measures):
            raise PydanticCustomError("measures", "circle and radius need measures; presence has none")
        return self

    def criteria(self) -> tuple[Criterion, ...]:
        """Return the measurable tests of the standard, one for each measure."""
        if self.kind == "presence":
            return (Criterion(self, "presence", "presence", "", self.at_least),)
        if self.limit_min is not None:
            limit_ms = round(self.limit_min * MS_PER_MIN)
            return tuple(Criterion(self, mode, "time", mode, limit_ms) for mode in self.measures)
        limit_mm = round((self.limit_km or 0.0) * MM_PER_KM)
        preferred_mm = None if self.preferred_km is None else round(self.preferred_km * MM_PER_KM)
        return tuple(
            Criterion(
                self,
                m,
                "straight" if m == "straight" else "road",
                m.removeprefix("road:").replace("straight", ""),
                limit_mm,
                preferred_mm,
            )
            for m in self.measures
        )


@dataclass(frozen=True)
class Criterion:
    """One measurable test: one measure and one limit.

    Attributes
    ----------
    standard : Standard
        The requirement the test belongs to.
    measure_key : str
        ``walk`` (a mode: travel time), ``straight``, ``road:drive`` or ``presence``.
    measure : str
        ``time`` (milliseconds), ``straight`` or ``road`` (millimetres), ``presence`` (facilities).
    mode : str
        Mode of travel; empty for ``straight`` and ``presence``.
    limit : int
        Milliseconds, millimetres or facilities; a value equal to the limit holds.
    preferred : int or None
        Lower end of a band, same unit.
    """

    standard: Standard
    measure_key: str
    measure: Literal["time", "straight", "road", "presence"]
    mode: str
    limit: int
    preferred: int | None = None

    @property
    def key(self) -> str:
        """``<standard id>/<measure>``, the name used on the command line and in every table."""
        return f"{self.standard.id}/{self.measure_key}"

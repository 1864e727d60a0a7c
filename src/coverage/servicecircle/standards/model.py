"""The types of a standard: a cited requirement, and the measurable tests (criteria) inside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Direction = Literal["to_facility", "from_facility"]
AreaClass = Literal["urban", "rural"]
Status = Literal["plan", "national", "national_unverified", "study"]
Level = Literal["village", "township", "county"]
UnitWord = Literal["village", "community", "town", "street"]
Basis = Literal["resident", "registered", "planning"]

MS_PER_MIN = 60_000
MM_PER_KM = 1_000_000

#: Keys of the kinds that share :class:`Covering` which would say nothing of the others; refused, never ignored.
_OF_PRESENCE = frozenset({"at_least", "per", "joint", "hosts"})
_OF_RADIUS = frozenset({"preferred_km", "preferred_only"})
FOREIGN: dict[str, frozenset[str]] = {
    "circle": _OF_PRESENCE | _OF_RADIUS,
    "radius": _OF_PRESENCE,
    "presence": _OF_RADIUS | {"direction"},
}


class Record(BaseModel):
    """A frozen record that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class Title(Record):
    """A short name in both languages."""

    zh: str = Field(min_length=1)
    """In Chinese."""
    en: str = Field(min_length=1)
    """In English."""

    def in_language(self, language: str) -> str:
        """Return the title in ``zh`` or ``en``."""
        return self.zh if language == "zh" else self.en


class Need(Record):
    """A condition on what a facility or unit has; unknown where no input says.

    A yes/no attribute must be yes, a number at least 1, unless the condition says otherwise.
    """

    has: str
    """Attribute or asset, as a code of the vocabulary: ``grade``, ``tcm_hall``, ``gps``."""
    at_least: float | str | None = None
    """Smallest value that holds: a number, or a level of an ordered attribute (``grade_2``)."""
    at_most: float | None = None
    """Largest value that holds."""
    one_of: tuple[str, ...] = ()
    """Values that hold, for an attribute with a list of values: ``["county"]``."""
    share_of: str = ""
    """Asset that ``has`` is divided by before it is compared (0-1)."""

    @model_validator(mode="after")
    def _band(self) -> Need:
        low, high = self.at_least, self.at_most
        if isinstance(low, float) and high is not None and low > high:
            raise PydanticCustomError(
                "band", "the band is upside down: {low} is not below {high}", {"low": low, "high": high}
            )
        return self


class Standard(Record):
    """A cited requirement: what a plan's line demands. Each kind says of what, and by which measure."""

    id: str = Field(min_length=1)
    """Identifier, ``<plan>/<row>`` of the register, e.g. ``shanting/S01``; a row that asks for several things has a
    record for each: ``shanting/S23-basic``."""
    title: Title
    """Short name in Chinese and English."""
    kind: str
    """What is measured, and how."""
    plan: str = ""
    """File name of the plan the record quotes; empty for a study's own standard."""
    line: int | None = Field(default=None, ge=1)
    """Line of that file, counted from 1."""
    quote: str = ""
    """A short quote that stands on that line."""
    value_line: int | None = Field(default=None, ge=1)
    """Line the number is printed on, where a table prints it below its name."""
    source: str = ""
    """Where a national record comes from."""
    status: Status = "study"
    """``plan``: printed in a plan; ``national``: found in a public page; ``national_unverified``: not yet checked
    against a source; ``study``: the study's own."""
    baseline: float | None = None
    """Value the plan prints for the baseline year, in the unit of the target."""
    baseline_year: int | None = Field(default=None, ge=1900, le=2200)
    """Year of the baseline."""
    target_year: int | None = Field(default=None, ge=1900, le=2200)
    """Year the target is to be met."""
    borrowed: str = ""
    """Record whose limit is borrowed where the plan prints none; the result says so and has no verdict."""
    reading: bool = False
    """One of several ways to read its row, or of several values the plan prints: where they differ, the row depends on
    the reading. Without it the records of a row are demands that must all be met."""
    note: Title | None = None
    """What the plan leaves open and how the record reads it."""

    @model_validator(mode="after")
    def _cited(self) -> Standard:
        if self.status == "plan" and not (self.plan and self.line and self.quote):
            raise PydanticCustomError("clause", "a requirement of a plan names plan, line and quote")
        if self.status.startswith("national") and not self.source:
            raise PydanticCustomError("no_source", "a national requirement names its source")
        return self

    @property
    def row(self) -> str:
        """The register's row: ``S23`` of ``shanting/S23-basic``; empty for what stands in no plan."""
        return self.id.partition("/")[2].partition("-")[0] if self.status == "plan" else ""

    def criteria(self) -> tuple[Criterion, ...]:
        """Return the tests that are measured at people's homes or in units; most kinds have none."""
        return ()


class OfFacilities(Standard):
    """A requirement that some facilities fulfil and others do not."""

    types: tuple[str, ...] = Field(min_length=1)
    """Facility types that satisfy the requirement, as codes of the vocabulary."""
    ownership: tuple[str, ...] = ()
    """Ownership values that count; empty means any."""
    needs: tuple[Need, ...] = ()
    """What a facility must have to count; one of which it is not known does not count, and is told."""


class Covering(OfFacilities):
    """People (or units) covered by facilities: a circle, a radius, or facilities in every unit."""

    kind: Literal["circle", "radius", "presence"]
    """``circle`` (travel time), ``radius`` (distance) or ``presence`` (one per unit)."""
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
    per: Level = "village"
    """Level of the units a presence counts in: the units themselves, their parents, or the whole area."""
    unit_kinds: tuple[UnitWord, ...] = ()
    """Kinds of unit a presence applies to; empty means all."""
    joint: bool = False
    """Whether a facility also counts in the villages it is said to serve (presence)."""
    hosts: tuple[str, ...] = ()
    """Facility types whose village needs no facility of its own (presence)."""
    area_class: AreaClass | None = None
    """Applies only to people in units of this class."""
    group: str = ""
    """Counts only this group of people, by its name in ``[population] groups``, e.g. ``65+``; empty: everybody."""
    target_share: float | None = Field(default=None, gt=0, le=1)
    """Share of people (or units) the plan demands; most plans print none."""
    target_of: Literal["people", "units"] = "people"
    """What ``target_share`` counts."""

    @model_validator(mode="after")
    def _one_threshold(self) -> Covering:
        given = {"circle": self.limit_min, "radius": self.limit_km, "presence": self.at_least}[self.kind]
        limits = {"circle": self.limit_min, "radius": self.limit_km}
        if given is None or any(limit is not None for kind, limit in limits.items() if kind != self.kind):
            wanted = {"circle": "limit_min", "radius": "limit_km", "presence": "at_least"}[self.kind]
            raise PydanticCustomError(
                "one_limit", "a {kind} has exactly one limit: {wanted}", {"kind": self.kind, "wanted": wanted}
            )
        if (self.kind == "presence") != (not self.measures):
            raise PydanticCustomError("measures", "circle and radius need measures; presence has none")
        foreign = sorted(self.model_fields_set & FOREIGN[self.kind])
        if foreign:
            keys = ", ".join(foreign)
            raise PydanticCustomError("foreign_key", "a {kind} has no {keys}", {"kind": self.kind, "keys": keys})
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
    standard : Covering
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

    standard: Covering
    measure_key: str
    measure: Literal["time", "straight", "road", "presence"]
    mode: str
    limit: int
    preferred: int | None = None

    @property
    def key(self) -> str:
        """``<standard id>/<measure>``, the name used on the command line and in every table."""
        return f"{self.standard.id}/{self.measure_key}"

"""The numbers a plan prints, as data (``printed/*.toml``), and what rounding leaves open about each of them."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.standards.model import Record, Title
from servicecircle.standards.vocabulary import facility_types
from servicecircle.text.text import catalogue

#: Most decimals a printed number has.
DECIMALS = 9

Per = Literal["count", "percent", "per_1000", "per_10000", "per_100000", "years", "km", "min", "yuan"]
Role = Literal["baseline", "target", "increase", "yearly_increase", "planning", "limit"]
Bound = Literal["", "at_least", "at_most", "above", "below"]

#: What a ratio is divided by.
BASES: Mapping[str, int] = MappingProxyType(
    {"percent": 100, "per_1000": 1000, "per_10000": 10_000, "per_100000": 100_000}
)
#: Ratios that are taken of the population unless the record says otherwise.
OF_POPULATION = frozenset({"per_1000", "per_10000"})
#: Thresholds are exact; everything else is a rounded measurement.
THRESHOLDS = frozenset({"target", "limit"})


@dataclass(frozen=True)
class Range:
    """All values a printed number may stand for; both ends belong to it.

    Attributes
    ----------
    low, high : Fraction or float
        The ends; infinite where the plan prints a bound such as "at least".
    """

    low: Fraction | float
    high: Fraction | float

    def holds(self, value: Fraction | float) -> bool:
        """Return whether the value lies inside or on an end."""
        return self.low <= value <= self.high

    def meets(self, other: Range) -> bool:
        """Return whether some value belongs to both; touching ends do."""
        return self.low <= other.high and other.low <= self.high


class Printed(Record):
    """One number a plan prints: what it counts, in which unit and role, and where it stands."""

    name: str = Field(min_length=1)
    """Name of the record, once in its file; other records point to it."""
    subject: str = Field(min_length=1)
    """What is counted: a subject of the package, a facility type, or any word with a ``title``."""
    title: Title | None = None
    """Name of a subject the package does not know."""
    value: Decimal = Field(ge=0, le=10**15, decimal_places=DECIMALS)
    """The number as printed, with its zeros: ``2.0`` says more than ``2``."""
    per: Per
    """Unit."""
    scale: Literal[1, 1000, 10_000, 100_000_000] = 1
    """``10000`` for a number printed in 万, ``100000000`` for 亿."""
    role: Role
    """``baseline`` (what is), ``target``, ``limit`` (a threshold of a service), ``planning`` (a figure assumed for the
    future), ``increase`` (from ``from_year`` to ``year``), ``yearly_increase`` (mean rate over these years)."""
    year: int | None = Field(default=None, ge=1900, le=2200)
    """Year the number is of; unknown when the plan does not say."""
    from_year: int | None = Field(default=None, ge=1900, le=2200)
    """First year of an increase."""
    line: int | None = Field(default=None, ge=1)
    """Line of the plan with the quote, counted from 1."""
    value_line: int | None = Field(default=None, ge=1)
    """Line of the number where it stands apart from the quote (tables)."""
    quote: str = ""
    """Short quote that stands on the line."""
    printed: str = ""
    """How the number is written when not in these digits, e.g. ``三所``."""
    source: str = ""
    """Where a figure comes from that the plan does not print; such a record has no line and no quote."""
    qualifier: str = ""
    """Narrows the subject (``open``, ``authorised``, ``resident`` ...): other qualifier, other quantity."""
    of: str = ""
    """Subject a ratio is taken of; ``population`` for numbers per 1,000 and per 10,000 unless given."""
    basis: Literal["", "resident", "registered"] = ""
    """Population a ratio names."""
    bound: Bound = ""
    """A printed "at least", "at most", "above" or "below"."""
    about: bool = False
    """The plan says "about": the number stands for twice the rounding."""
    better: Literal["", "more", "less"] = ""
    """Which way a target is an improvement; needed to compare it with what is."""
    belongs: str = ""
    """Ties numbers of one clause, e.g. a distance and a time."""
    item_of: str = ""
    """Name of the record whose list this is an item of."""
    part_of: str = ""
    """Name of the record this is a part of."""
    complete: bool = False
    """On a total: the plan means its list of items to be complete."""

    @field_validator("value", mode="before")
    @classmethod
    def _a_number(cls, value: Any) -> Any:
        # A text "2.0" would be taken as well; TOML can say a number, so a text is a slip.
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise PydanticCustomError("number", "a number is needed, without quotes")
        # what the field says of decimals, for values so small that old versions lose count
        if isinstance(value, Decimal) and value.is_finite() and int(value.as_tuple().exponent) < -DECIMALS:
            raise PydanticCustomError("number", "a number has at most nine decimals")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> Printed:
        if self.source:
            if self.quote or self.line:
                raise PydanticCustomError("source", "a record has either line and quote, or source")
        elif not self.quote.strip() or self.line is None:
            raise PydanticCustomError("quote", "line and quote are missing (or source, for a figure from elsewhere)")
        if (self.from_year is not None) != (self.role in {"increase", "yearly_increase"}):
            raise PydanticCustomError("from_year", "from_year belongs to an increase, and only there")
        if self.from_year is not None and (self.year is None or self.year <= self.from_year):
            raise PydanticCustomError("from_year", "an increase needs a year after from_year")
        return self

    @property
    def place(self) -> int | None:
        """Line the number itself stands on."""
        return self.value_line or self.line

    @property
    def is_ratio(self) -> bool:
        """Whether the number is a share or a number per so many."""
        return self.per in BASES

    @property
    def is_of_population(self) -> bool:
        """Whether the ratio is taken of the population."""
        return (self.of or ("population" if self.per in OF_POPULATION else "")) == "population"

    @property
    def kind(self) -> str:
        """What numbers it can be compared with: any two ratios can, else the unit must be the same."""
        return "ratio" if self.is_ratio else self.per

    @property
    def amount(self) -> Fraction:
        """The printed number in its plain unit: persons, beds, a share of 1, kilometres, minutes, years."""
        return Fraction(self.value) * self.scale / BASES.get(self.per, 1)

    @property
    def rounding(self) -> Fraction:
        """Half a unit of the last printed place, in the unit of ``amount``.

        A whole count is exact, and so is a threshold (nobody measured it). "About" doubles the rounding.
        """
        exponent = self.value.as_tuple().exponent
        places = exponent if isinstance(exponent, int) else 0
        half = Fraction(10) ** places / 2 * self.scale / BASES.get(self.per, 1)
        if self.about:
            return half * 2
        is_exact = self.role in THRESHOLDS or (self.per == "count" and self.scale == 1 and places >= 0)
        return Fraction(0) if is_exact else half

    @property
    def range(self) -> Range:
        """What the number may stand for: its rounding, or everything beyond a printed bound."""
        if self.bound in {"at_least", "above"}:
            return Range(self.amount, math.inf)
        if self.bound in {"at_most", "below"}:
            return Range(Fraction(0), self.amount)
        return Range(max(self.amount - self.rounding, Fraction(0)), self.amount + self.rounding)


@dataclass(frozen=True)
class PrintedPlan:
    """The printed numbers of one plan.

    Attributes
    ----------
    name : str
        Stem of the file of records, e.g. ``dalad``.
    plan : str
        The plan's text or title, as the file of records names it.
    records : tuple of Printed
        In the order of the file.
    """

    name: str
    plan: str
    records: tuple[Printed, ...]

    def with_role(self, *roles: str) -> tuple[Printed, ...]:
        """Return the records of these roles."""
        return tuple(record for record in self.records if record.role in roles)


@cache
def load_printed() -> Mapping[str, PrintedPlan]:
    """Return the shipped plans by name, read-only.

    Raises
    ------
    StudyError
        A shipped record is broken; every fault of every file is one problem.
    """
    folder = files("servicecircle.standards").joinpath("printed")
    plans: dict[str, PrintedPlan] = {}
    problems: list[Problem] = []
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            try:
                plan = read_printed(file)
            except StudyError as error:
                problems += error.problems
            else:
                plans[plan.name] = plan
    if problems:
        raise StudyError(problems)
    return MappingProxyType(plans)


def read_printed(file: Traversable | Path) -> PrintedPlan:
    """Read one file of printed numbers: ``plan = "..."`` and ``[[printed]]`` records.

    Raises
    ------
    StudyError
        The file is missing, no TOML or no UTF-8, a key is unknown or a record is faulty; all problems at once.
    """
    try:
        # Decimals keep the zeros a plan prints: 2.0 is known to a tenth.
        tree = tomllib.loads(file.read_bytes().decode("utf-8-sig"), parse_float=Decimal)
    except FileNotFoundError:
        raise StudyError(problem("printed.no_file", file=file.name)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(problem("printed.not_toml", file=file.name, detail=str(error))) from None
    plan, tables = tree.pop("plan", ""), tree.pop("printed", [])
    problems = [problem("printed.foreign_key", file=file.name, key=key) for key in tree]
    if not isinstance(plan, str) or not plan.strip():
        problems.append(problem("printed.no_plan", file=file.name))
    if not isinstance(tables, list) or not tables:
        problems.append(problem("printed.no_records", file=file.name))
        tables = []
    records: list[Printed] = []
    for number, values in enumerate(tables, start=1):
        name = str(values.get("name", number)) if isinstance(values, dict) else str(number)
        try:
            records.append(Printed.model_validate(values))
        except ValidationError as error:
            problems += [_broken(file.name, name, item) for item in error.errors()]
    # A pointer to a record that is itself refused would be a second complaint about one fault.
    if not problems:
        problems += _faults(file.name, records)
    if problems:
        raise StudyError(problems)
    return PrintedPlan(file.name.removesuffix(".toml"), plan, tuple(records))


def _broken(file: str, name: str, item: Any) -> Problem:
    place = ".".join(str(part) for part in item["loc"]) or "-"
    return problem("printed.broken", file=file, name=name, key=place, rule=item["msg"])


def _faults(file: str, records: Iterable[Printed]) -> list[Problem]:
    """Return what a schema cannot see: double names, pointers to nothing, subjects without a title."""
    given = tuple(records)
    names = Counter(record.name for record in given)
    problems = [problem("printed.duplicate", file=file, name=name) for name, count in names.items() if count > 1]
    titled = {record.subject for record in given if record.title is not None}
    known = sorted({*subjects(), *titled})
    for record in given:
        problems += [
            problem("printed.no_such", file=file, name=record.name, key=key, value=value, nearest=_near(value, names))
            for key, value in (("item_of", record.item_of), ("part_of", record.part_of))
            if value and (value not in names or value == record.name)
        ]
        if record.subject not in known:
            near = _near(record.subject, known)
            problems.append(
                problem("printed.subject_unknown", file=file, name=record.name, value=record.subject, nearest=near)
            )
    return problems


def _near(value: str, known: Iterable[str]) -> str:
    return next(iter(difflib.get_close_matches(value, list(known), n=1, cutoff=0.0)), "-")


@cache
def subjects() -> frozenset[str]:
    """Return the subjects with a name of their own: those of the texts, and every facility type."""
    prefix = "printed.subject."
    own = {key.removeprefix(prefix) for key in catalogue("en") if key.startswith(prefix)}
    return frozenset(own | set(facility_types()))

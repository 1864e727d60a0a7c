"""Phrases about printed numbers, as problems: they become words only in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from servicecircle.errors import Problem, problem
from servicecircle.standards.model import Title
from servicecircle.standards.printed import Printed, Range
from servicecircle.standards.vocabulary import facility_types
from servicecircle.text.text import catalogue

MARKS = {"": "", "at_least": "≥", "at_most": "≤", "above": ">", "below": "<"}


def plain(text: str) -> Problem:
    """Return a text that is the same in both languages."""
    return problem("printed.plain", text=text)


def whole(value: Fraction | float) -> str:
    """Return a number of people or things, rounded to a whole one (halves up), with separators."""
    return f"{int(value + Fraction(1, 2)):,}"


def decimal(value: Fraction | float, places: int) -> str:
    """Return a number with so many places."""
    return f"{float(value):,.{places}f}"


def people(span: Range) -> str:
    """Return a range of people; one number when both ends print the same."""
    low, high = whole(span.low), whole(span.high)
    return low if low == high else f"{low}-{high}"


def joined(phrases: Sequence[Problem], key: str = "printed.join") -> Problem:
    """Return phrases as one list."""
    first, *rest = phrases
    return problem(key, first=first, rest=joined(rest, key)) if rest else first


def subject(record: Printed) -> Problem:
    """Return what a record counts, with its qualifier."""
    if record.title is not None:
        name = problem("printed.plain", text=record.title)
    elif f"printed.subject.{record.subject}" in catalogue("en"):
        name = problem(f"printed.subject.{record.subject}")
    elif record.subject in facility_types():
        term = facility_types()[record.subject]
        name = problem("printed.plain", text=Title(zh=term.zh, en=term.en))
    else:  # titled on another record of the file
        name = plain(record.subject)
    if not record.qualifier:
        return name
    return problem("printed.qualified", subject=name, qualifier=qualifier(record))


def qualifier(record: Printed) -> Problem:
    """Return the qualifier in words; one the package does not know as it stands."""
    key = f"printed.qualifier.{record.qualifier}"
    return problem(key) if key in catalogue("en") else plain(record.qualifier)


def amount(record: Printed) -> Problem:
    """Return the number with its unit, its bound and "about"."""
    unit: str = record.per
    if record.per in {"per_1000", "per_10000"} and not record.is_of_population:
        unit = f"{record.per}_other"
    number = record.value if record.scale == 1 else int(record.value * record.scale)
    phrase = problem(f"printed.amount.{unit}", number=f"{MARKS[record.bound]}{number:,}")
    return problem("printed.about", amount=phrase) if record.about else phrase


def cited(record: Printed) -> Problem:
    """Return the number and the line it stands on."""
    if record.source:
        return problem("printed.from_source", amount=amount(record), source=record.source)
    if record.printed:
        return problem("printed.on_line_as", amount=amount(record), printed=record.printed, line=record.place)
    return problem("printed.on_line", amount=amount(record), line=record.place)


def counted(record: Printed) -> Problem:
    """Return subject, number and line."""
    return problem("printed.counted", subject=subject(record), amount=cited(record))


def year(record: Printed) -> Problem:
    """Return the year, or that it is not printed."""
    return problem("printed.no_year") if record.year is None else plain(str(record.year))

"""What is found of a requirement that is not measured at people's homes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicecircle.standards.model import Standard

FindingState = Literal["computed", "reported", "not computable", "no data"]
Verdict = Literal[
    "met", "not met", "depends on reading or mode", "no target printed", "reported", "not computable", "no data"
]

MET: Verdict = "met"
NOT_MET: Verdict = "not met"
DEPENDS: Verdict = "depends on reading or mode"
NO_TARGET: Verdict = "no target printed"
NO_DATA: Verdict = "no data"


@dataclass(frozen=True)
class Reading:
    """One way to read a requirement, with its own value and verdict.

    Attributes
    ----------
    name : str
        Key under ``findings.reading`` in the texts, or text of its own (a criterion, a facility type).
    value : float or None
        In the unit of the finding; None: unknown.
    low, high : float or None
        Floor and ceiling of this reading, in the same unit.
    short : float or None
        How many are missing (or too many, for a ceiling); None: no target.
    """

    name: str
    value: float | None
    verdict: Verdict
    low: float | None = None
    high: float | None = None
    short: float | None = None


@dataclass(frozen=True)
class Item:
    """A facility or unit that does not meet a requirement, or of which that is not known.

    Attributes
    ----------
    of : str
        ``facility``, ``unit``, ``town``, ``area`` or ``type``.
    why : str
        Key under ``findings.why`` in the texts.
    """

    of: str
    id: str
    name: str
    parent: str = ""
    value: float | None = None
    why: str = "fails"


@dataclass(frozen=True)
class Finding:
    """The result of one requirement.

    Attributes
    ----------
    unit : str
        Key under ``findings.unit`` in the texts: what the value is (``share``, ``per_1000``, ``facilities``).
    short_unit : str
        What ``short`` counts: a key under ``findings.unit``.
    readings : tuple of Reading
        The first one is printed as the value; several are several bases or ways to read the clause.
    items : tuple of Item
        What fails, and what is not known.
    unknown : int
        Facilities or units of which it is not known.
    missing : tuple of str
        Codes no input holds (state ``no data``).
    parameters : mapping
        What the numbers depend on: people and their basis, factors.
    """

    standard: Standard
    state: FindingState
    verdict: Verdict
    unit: str = ""
    short_unit: str = ""
    readings: tuple[Reading, ...] = ()
    items: tuple[Item, ...] = ()
    unknown: int = 0
    missing: tuple[str, ...] = ()
    parameters: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def value(self) -> float | None:
        """The value of the first reading."""
        return self.readings[0].value if self.readings else None

    @property
    def short(self) -> float | None:
        """What is missing by the first reading."""
        return self.readings[0].short if self.readings else None


def no_data(standard: Standard, *missing: str, unknown: int = 0) -> Finding:
    """Return a finding for what no input holds."""
    return Finding(standard, "no data", NO_DATA, missing=missing, unknown=unknown)


def common(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict all readings share; where they differ it depends on the reading.

    While one of them is not known, what the others say may be all there is: no data. A target that only some readings
    have is met or not by those alone.
    """
    found = set(verdicts)
    if len(found) == 1:
        return found.pop()
    if DEPENDS in found or {MET, NOT_MET} <= found:
        return DEPENDS
    if NO_DATA in found:
        return NO_DATA
    return DEPENDS if found & {MET, NOT_MET} else NO_TARGET


def judged(standard: Standard, unit: str, readings: Iterable[Reading], **more: object) -> Finding:
    """Return a computed finding, with the verdict all readings share."""
    given = tuple(readings)
    verdict = common(reading.verdict for reading in given) if given else NO_DATA
    return Finding(standard, "computed", verdict, unit=unit, readings=given, **more)  # type: ignore[arg-type]

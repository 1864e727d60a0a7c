"""What a check of printed numbers finds, and the population a count and a ratio imply."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from servicecircle.errors import Problem
from servicecircle.standards.printed import Printed, PrintedPlan, Range

Grade = Literal["contradiction", "question", "note"]
#: Populations implied by two ratios agree when their ranges meet, or when they differ by at most this share of the
#: smaller: sources of one year count people at its beginning, middle or end.
AGREEMENT = Fraction(5, 1000)


@dataclass(frozen=True)
class PlanFinding:
    """One thing the printed numbers of a plan do not bear out, or leave open.

    Attributes
    ----------
    rule : str
        Key of ``contradictions.RULES``.
    grade : str
        ``contradiction``: no reading fits both numbers; ``question``: two readings are possible, the plan should say
        which; ``note``: follows from the numbers and matters for their use.
    plan : str
        Name of the plan.
    records : tuple of Printed
        The numbers involved, in the order of the sentence.
    numbers : tuple of Fraction
        What was worked out: the sum, the populations, the rates.
    sentence : Problem
        The sentence; :func:`servicecircle.text.sentence` says it in either language.
    """

    rule: str
    grade: Grade
    plan: str
    records: tuple[Printed, ...]
    numbers: tuple[Fraction, ...]
    sentence: Problem

    @property
    def lines(self) -> tuple[int, ...]:
        """Lines of the numbers, ascending, each once."""
        return tuple(sorted({record.place for record in self.records if record.place is not None}))

    @property
    def quotes(self) -> tuple[str, ...]:
        """Quotes of the numbers, each once."""
        return tuple(dict.fromkeys(record.quote for record in self.records if record.quote))


@dataclass(frozen=True)
class Implied:
    """A population that follows from a count and a ratio.

    Attributes
    ----------
    count, ratio : Printed
        The two numbers.
    value : Fraction
        Count / ratio as printed, persons.
    range : Range
        What their rounding leaves open; both ends belong to it.
    """

    count: Printed
    ratio: Printed
    value: Fraction
    range: Range

    def agrees(self, other: Implied) -> bool:
        """Return whether one population fits both; a difference equal to ``AGREEMENT`` still agrees."""
        near = abs(self.value - other.value) <= AGREEMENT * min(self.value, other.value)
        return near or self.range.meets(other.range)


def implied_populations(plan: PrintedPlan) -> tuple[Implied, ...]:
    """Return every population a count and a ratio of one subject, role and year imply.

    A ratio without qualifier belongs to the count without one; where there is none, to every qualified count (open and
    authorised beds), because the plan does not say to which.
    """
    found = []
    for ratio in plan.with_role("baseline", "planning"):
        if ratio.is_ratio and ratio.is_of_population and not ratio.bound and ratio.year and ratio.range.low > 0:
            for count in _counts_of(ratio, plan):
                span = Range(count.range.low / ratio.range.high, count.range.high / ratio.range.low)
                found.append(Implied(count, ratio, count.amount / ratio.amount, span))
    return tuple(found)


def _counts_of(ratio: Printed, plan: PrintedPlan) -> list[Printed]:
    counts = [
        count
        for count in plan.with_role(ratio.role)
        if (count.subject, count.year) == (ratio.subject, ratio.year)
        and count.per == "count"
        and count.amount > 0
        and not count.bound
        and not count.part_of
    ]
    same = [count for count in counts if count.qualifier == ratio.qualifier]
    return same or ([] if ratio.qualifier else counts)


def direction(record: Printed) -> int:
    """Return 1 for a floor (at least), -1 for a ceiling (at most), 0 for a number without a bound."""
    return {"at_least": 1, "above": 1, "at_most": -1, "below": -1}.get(record.bound, 0)

"""Contradictions in the numbers a plan prints: one small rule each, none of which knows a plan.

Printed numbers are rounded. A number stands for everything that rounds to it (``Printed.range``), so a ratio and a
count imply a range of populations, and two numbers contradict each other only when no value fits both. Thresholds
(targets, limits) and whole counts are exact.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, product
from types import MappingProxyType

from servicecircle.errors import Problem, UsageError, problem
from servicecircle.standards import population_rules
from servicecircle.standards import printed_words as words
from servicecircle.standards.findings import Grade, Implied, PlanFinding, direction, implied_populations
from servicecircle.standards.printed import BASES, Printed, PrintedPlan, Range

#: Nobody walks a service circle faster (km/h): a brisk adult does 6.
FASTEST_WALK_KMH = Fraction(6)
#: A target is compared with those of other plans only when so many print one.
ENOUGH_PLANS = 3


# --- sums and differences --------------------------------------------------------------------------------------------


def increases(plan: PrintedPlan) -> Iterator[PlanFinding]:
    """Find a printed increase, or growth in per cent, that is not end minus start."""
    for rise in plan.with_role("increase"):
        for start, end in product(_at(plan, rise, rise.from_year), _at(plan, rise, rise.year)):
            if start.per != end.per or start.bound or end.bound:
                continue
            is_growth = rise.per == "percent" and start.per != "percent"
            if not is_growth and start.kind != rise.kind:
                continue
            span, value = (_growth if is_growth else _difference)(start, end)
            if span.meets(rise.range):
                continue
            worked = value if is_growth or not rise.is_ratio else value * BASES[rise.per]
            text = f"{words.decimal(value * 100, 1)}%" if is_growth else _number(worked)
            sentence = problem(
                "printed.finding.increase",
                subject=words.subject(rise),
                start=words.cited(start),
                start_year=rise.from_year,
                end=words.cited(end),
                end_year=rise.year,
                worked=text,
                printed=words.cited(rise),
            )
            yield PlanFinding("increase", "contradiction", plan.name, (start, end, rise), (value,), sentence)


def _at(plan: PrintedPlan, like: Printed, year: int | None) -> list[Printed]:
    return [r for r in plan.with_role("baseline") if _quantity(r) == _quantity(like) and r.year == year]


def _quantity(record: Printed) -> tuple[str, str]:
    return record.subject, record.qualifier


def _difference(start: Printed, end: Printed) -> tuple[Range, Fraction]:
    return Range(end.range.low - start.range.high, end.range.high - start.range.low), end.amount - start.amount


def _growth(start: Printed, end: Printed) -> tuple[Range, Fraction]:
    if start.range.low <= 0:  # growth from nothing is no number; nothing can be said
        return Range(-math.inf, math.inf), Fraction(0)
    span = Range(end.range.low / start.range.high - 1, end.range.high / start.range.low - 1)
    return span, end.amount / start.amount - 1


def _number(value: Fraction) -> str:
    return f"{int(value):,}" if value.denominator == 1 else f"{float(value):,.6g}"


def yearly_growth(plan: PrintedPlan) -> Iterator[PlanFinding]:
    """Find a mean yearly growth that does not compound to the growth printed for the whole time."""
    for rate, rise in product(plan.with_role("yearly_increase"), plan.with_role("increase")):
        same = _quantity(rate) == _quantity(rise) and (rate.from_year, rate.year) == (rise.from_year, rise.year)
        if not same or rate.per != "percent" or rise.per != "percent" or not rate.year or not rate.from_year:
            continue
        years = rate.year - rate.from_year
        span = Range((1 + rate.range.low) ** years - 1, (1 + rate.range.high) ** years - 1)
        if span.meets(rise.range):
            continue
        value = (1 + rate.amount) ** years - 1
        sentence = problem(
            "printed.finding.yearly_growth",
            subject=words.subject(rate),
            rate=words.cited(rate),
            years=years,
            worked=words.decimal(value * 100, 1),
            printed=words.cited(rise),
        )
        yield PlanFinding("yearly_growth", "question", plan.name, (rate, rise), (value,), sentence)


def list_sums(plan: PrintedPlan) -> Iterator[PlanFinding]:
    """Find a list whose items do not sum to its total; a shortfall contradicts only where the list is complete."""
    for total in plan.records:
        items = [record for record in plan.records if record.item_of == total.name]
        if not items or any(item.per != total.per or item.bound for item in items) or total.bound:
            continue
        span = Range(sum((i.range.low for i in items), Fraction(0)), sum((i.range.high for i in items), Fraction(0)))
        if span.meets(total.range):
            continue
        value = sum((item.amount for item in items), Fraction(0))
        is_short = not total.complete and span.high < total.range.low
        sentence = problem(
            "printed.finding.list_open" if is_short else "printed.finding.list_sum",
            subject=words.subject(total),
            worked=_number(value),
            printed=words.cited(total),
            rest=_number(abs(total.amount - value)),
            items=len(items),
        )
        grade: Grade = "note" if is_short else "contradiction"
        yield PlanFinding("list_sum", grade, plan.name, (total, *items), (value,), sentence)


def parts(plan: PrintedPlan) -> Iterator[PlanFinding]:
    """Find a part that is larger than its whole."""
    wholes = {record.name: record for record in plan.records}
    for part in plan.records:
        whole = wholes.get(part.part_of)
        if whole is None or whole.kind != part.kind or part.range.low <= whole.range.high:
            continue
        sentence = problem("printed.finding.part", part=words.counted(part), whole=words.counted(whole))
        numbers = (part.amount, whole.amount)
        yield PlanFinding("part", "contradiction", plan.name, (part, whole), numbers, sentence)


# --- two values of one quantity --------------------------------------------------------------------------------------


def two_values(plan: PrintedPlan) -> Iterator[PlanFinding]:
    """Find two printed values of one quantity, role and year that no rounding reconciles."""
    groups: dict[tuple[str, ...], list[Printed]] = defaultdict(list)
    for record in plan.with_role("baseline", "target", "limit", "planning"):
        groups[*_quantity(record), record.kind, record.role].append(record)
    for records in groups.values():
        for one, other in combinations(records, 2):
            if _of_one_time(one, other) and not _bases_differ(one, other) and not _fit(one, other):
                yield _two(plan, one, other)


def _of_one_time(one: Printed, other: Printed) -> bool:
    return None in {one.year, other.year} or one.year == other.year


def _bases_differ(one: Printed, other: Printed) -> bool:
    return bool(one.basis and other.basis and one.basis != other.basis)


def _fit(one: Printed, other: Printed) -> bool:
    """Return whether both can hold; two targets can only when they are the same, or a floor below a ceiling."""
    is_threshold = one.role in {"target", "limit"}
    if not is_threshold or one.about or other.about or direction(one) * direction(other) < 0:
        return one.range.meets(other.range)
    return one.amount == other.amount


def _two(plan: PrintedPlan, one: Printed, other: Printed) -> PlanFinding:
    pairs = [item for item in implied_populations(plan) if item.ratio in (one, other)]
    by_count: dict[str, list[Implied]] = defaultdict(list)
    for item in pairs:
        by_count[item.count.name].append(item)
    values = {
        "subject": words.subject(one),
        "role": problem(f"printed.role.{one.role}"),
        "year": words.year(one if one.year is not None else other),
        "one": words.cited(one),
        "other": words.cited(other),
    }
    key = "two_values" if one.year == other.year else "two_values_undated"
    counts: list[Printed] = []
    if pairs:
        key = "two_values_implied"
        values["implied"] = words.joined([_implied_by(group) for group in by_count.values()])
        counts = [group[0].count for group in by_count.values()]
    grade: Grade = "contradiction" if one.year == other.year else "question"
    numbers = tuple(item.value for item in pairs) or (one.amount, other.amount)
    sentence = problem(f"printed.finding.{key}", **values)
    return PlanFinding("two_values", grade, plan.name, (one, other, *counts), numbers, sentence)


def _implied_by(group: Sequence[Implied]) -> Problem:
    populations = words.joined([words.plain(words.whole(item.value)) for item in group], "printed.join_and")
    return problem("printed.implied_by", count=words.counted(group[0].count), populations=populations)


# --- what is, and what is aimed at -----------------------------------------------------------------------------------


def no_progress(plan: PrintedPlan) -> Iterator[PlanFinding]:
    """Find a target that what is already reaches: equal (a note), or weaker than it (a question)."""
    told = set()
    for target in plan.with_role("target"):
        if not target.better or target.about:
            continue
        for base in _latest(plan, target):
            is_equal = target.amount == base.amount and not _is_open(base, target)
            limit = base.range.low if target.better == "more" else base.range.high
            is_weaker = target.amount < limit if target.better == "more" else target.amount > limit
            pair = (*_quantity(target), base.amount, target.amount)
            if not (is_equal or is_weaker) or pair in told:  # a target printed twice is weak once
                continue
            told.add(pair)
            sentence = problem(
                "printed.finding.no_progress" if is_equal else "printed.finding.weaker_target",
                subject=words.subject(target),
                base=words.cited(base),
                base_year=words.year(base),
                target=words.cited(target),
                target_year=words.year(target),
                better=problem(f"printed.better.{target.better}"),
            )
            grade: Grade = "note" if is_equal else "question"
            yield PlanFinding("no_progress", grade, plan.name, (base, target), (base.amount, target.amount), sentence)


def _latest(plan: PrintedPlan, target: Printed) -> list[Printed]:
    """Return what the plan prints as reached in the latest year before the target's."""
    bases = [
        record
        for record in plan.with_role("baseline")
        if _quantity(record) == _quantity(target) and record.kind == target.kind and not _bases_differ(record, target)
        if record.year is not None and (target.year is None or record.year < target.year)
    ]
    latest = max((record.year or 0 for record in bases), default=0)
    return [record for record in bases if record.year == latest]


def _is_open(base: Printed, target: Printed) -> bool:
    """Return whether the baseline is only bounded on the wrong side: "below 90" does not reach 90."""
    return direction(base) == (-1 if target.better == "more" else 1)


# --- distance and time -----------------------------------------------------------------------------------------------


def walking_speed(plan: PrintedPlan) -> Iterator[PlanFinding]:
    """Find a distance and a time of one clause that mean more than 6 km/h (``FASTEST_WALK_KMH``)."""
    for distance, time in product(plan.records, plan.records):
        tied = distance.belongs and distance.belongs == time.belongs
        if not tied or distance.per != "km" or time.per != "min" or not time.amount:
            continue
        slowest = (distance.amount - distance.rounding) * 60 / (time.amount + time.rounding)
        if slowest <= FASTEST_WALK_KMH:
            continue
        speed = distance.amount * 60 / time.amount
        sentence = problem(
            "printed.finding.speed",
            distance=words.cited(distance),
            time=words.cited(time),
            speed=_number(speed),
            walk=_number(FASTEST_WALK_KMH),
        )
        yield PlanFinding("walking_speed", "question", plan.name, (distance, time), (speed,), sentence)


Rule = Callable[[PrintedPlan], Iterator[PlanFinding]]


def check(plan: PrintedPlan, known: Iterable[Printed] = ()) -> tuple[PlanFinding, ...]:
    """Return what every rule finds, in the order of ``RULES``, inside one rule in the order of the records.

    Parameters
    ----------
    plan : PrintedPlan
        The printed numbers.
    known : iterable of Printed
        Figures from elsewhere, e.g. the resident and the registered population.
    """
    whole = PrintedPlan(plan.name, plan.plan, (*plan.records, *known))
    return tuple(finding for rule in RULES.values() for finding in rule(whole))


def compare(plan: PrintedPlan, others: Iterable[PrintedPlan]) -> Iterator[PlanFinding]:
    """Find targets that no other plan is like: a ceiling where all others aim for more, or another order of size.

    A target is of another size when it is less than half the smallest or more than twice the largest of the others;
    exactly half or twice is not. Nothing is said with fewer than ``ENOUGH_PLANS`` other plans.
    """
    targets: dict[tuple[str, ...], list[tuple[PrintedPlan, Printed]]] = defaultdict(list)
    for other in others:
        if other.name != plan.name:
            for record in {_quantity(r): r for r in other.with_role("target") if r.is_ratio}.values():
                targets[_quantity(record)].append((other, record))
    for target in plan.with_role("target"):
        found = targets[_quantity(target)]
        if not target.is_ratio or len(found) < ENOUGH_PLANS:
            continue
        amounts = [record.amount for _, record in found]
        is_ceiling = direction(target) < 0 and all(record.better == "more" for _, record in found)
        if not is_ceiling and min(amounts) <= target.amount * 2 and target.amount <= max(amounts) * 2:
            continue
        phrases = [problem("printed.in_plan", amount=words.amount(r), plan=words.plain(p.name)) for p, r in found]
        sentence = problem(
            "printed.finding.ceiling" if is_ceiling else "printed.finding.outlier",
            subject=words.subject(target),
            target=words.cited(target),
            count=len(found),
            others=words.joined(phrases),
        )
        yield PlanFinding("other_plans", "question", plan.name, (target,), (target.amount, *amounts), sentence)


def known_populations(given: Iterable[str]) -> tuple[Printed, ...]:
    """Return populations written as ``registered=372034``, to be checked with a plan.

    Raises
    ------
    UsageError
        A text is not NAME=PEOPLE with a whole number above 0, or a name comes twice; all problems at once.
    """
    found: dict[str, Printed] = {}
    problems = []
    for text in given:
        name, _, number = text.partition("=")
        people = int(number) if number.isascii() and number.isdigit() else 0
        if not name.strip() or not people or name in found:
            problems.append(problem("printed.known_population", given=text))
            continue
        found[name] = Printed(
            name=f"--population {name}",
            subject="population",
            qualifier=name.strip(),
            value=Decimal(people),
            per="count",
            role="baseline",
            source="--population",
        )
    if problems:
        raise UsageError(problems)
    return tuple(found.values())


#: Every rule, by the key it is reported under. A new rule is a function and a line here.
RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "increase": increases,
        "yearly_growth": yearly_growth,
        "list_sum": list_sums,
        "part": parts,
        "two_values": two_values,
        "one_population": population_rules.one_population,
        "population_basis": population_rules.population_basis,
        "gap": population_rules.gaps,
        "population_change": population_rules.population_change,
        "above_target": population_rules.above_target,
        "no_progress": no_progress,
        "walking_speed": walking_speed,
    }
)

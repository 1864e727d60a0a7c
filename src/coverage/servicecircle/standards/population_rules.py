"""Rules about the population behind a plan's ratios: which one, whether it is one, and what depends on it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations, pairwise, product

from servicecircle.errors import Problem, problem
from servicecircle.standards import printed_words as words
from servicecircle.standards.findings import AGREEMENT, Grade, Implied, PlanFinding, direction, implied_populations
from servicecircle.standards.printed import BASES, Printed, PrintedPlan, Range

#: A population that changes faster, per year, deserves a question: it may be another basis (resident, registered).
YEARLY_CHANGE = Fraction(2, 100)


def one_population(plan: PrintedPlan) -> Iterator[PlanFinding]:
    """Say whether the ratios of one year rest on one population, and on which."""
    for (role, year), group in _by_year(plan).items():
        ratios = list({item.ratio.name: item.ratio for item in group}.values())
        if len(ratios) < 2:
            continue
        is_one = _is_one(group)
        span = _common(group)
        sentence = problem(
            "printed.finding.one_population" if is_one else "printed.finding.several_populations",
            year=year,
            role=problem(f"printed.role.{role}"),
            implied=words.joined([_implied(item) for item in group]),
            common=words.people(span),
        )
        records = tuple(dict.fromkeys(record for item in group for record in (item.count, item.ratio)))
        grade: Grade = "note" if is_one else "question"
        rule = "one_population"
        yield PlanFinding(rule, grade, plan.name, records, tuple(item.value for item in group), sentence)


def _by_year(plan: PrintedPlan) -> dict[tuple[str, int], list[Implied]]:
    groups: dict[tuple[str, int], list[Implied]] = defaultdict(list)
    for item in implied_populations(plan):
        groups[item.ratio.role, item.ratio.year or 0].append(item)
    return groups


def _is_one(group: Sequence[Implied]) -> bool:
    """Return whether every two ratios agree; a ratio that several counts may belong to agrees by any of them."""
    by_ratio: dict[str, list[Implied]] = defaultdict(list)
    for item in group:
        by_ratio[item.ratio.name].append(item)
    return all(any(a.agrees(b) for a, b in product(*two)) for two in combinations(by_ratio.values(), 2))


def _common(group: Sequence[Implied]) -> Range:
    """Return the populations that fit all ratios; where there are none, the span of the implied ones."""
    low, high = max(item.range.low for item in group), min(item.range.high for item in group)
    if low <= high:
        return Range(low, high)
    return Range(min(item.value for item in group), max(item.value for item in group))


def _implied(item: Implied) -> Problem:
    ratio, count = words.cited(item.ratio), words.counted(item.count)
    return problem("printed.implied", count=count, ratio=ratio, population=words.whole(item.value))


def population_basis(plan: PrintedPlan) -> Iterator[PlanFinding]:
    """Say which known population the ratios of the latest year rest on: the nearest."""
    groups = {year: group for (role, year), group in _by_year(plan).items() if role == "baseline"}
    if not groups:
        return
    year = max(groups)
    span = _common(groups[year])
    middle = Fraction(span.low + span.high) / 2
    populations = sorted(_populations(plan, year), key=lambda record: (_off(record, span), record.name))
    if not populations:
        return
    nearest = populations[0]
    fits = span.meets(nearest.range) or abs(nearest.amount - middle) <= AGREEMENT * min(middle, nearest.amount)
    sentence = problem(
        "printed.finding.basis" if fits else "printed.finding.no_basis",
        year=year,
        common=words.people(span),
        nearest=words.counted(nearest),
        all=words.joined([_compared(record, middle) for record in populations]),
    )
    numbers = (middle, *(record.amount for record in populations))
    grade: Grade = "note" if fits else "question"
    records = (*dict.fromkeys(record for item in groups[year] for record in (item.count, item.ratio)), *populations)
    yield PlanFinding("population_basis", grade, plan.name, records, numbers, sentence)


def _populations(plan: PrintedPlan, year: int) -> list[Printed]:
    """Return the populations of a year, or of no stated year."""
    return [record for record in plan.with_role("baseline") if _is_population(record) and record.year in {None, year}]


def _is_population(record: Printed) -> bool:
    is_whole = not record.part_of and not record.bound
    return record.subject == "population" and record.per == "count" and is_whole and record.amount > 0


def _off(record: Printed, span: Range) -> Fraction | float:
    return max(span.low - record.amount, record.amount - span.high, Fraction(0))


def _compared(record: Printed, middle: Fraction) -> Problem:
    share = float((record.amount - middle) / middle)
    return problem(
        "printed.compared", population=words.counted(record), share=f"{share:+.1%}".replace("-0.0%", "+0.0%")
    )


def gaps(plan: PrintedPlan) -> Iterator[PlanFinding]:
    """Say how far the gap to a target depends on which population is meant; needs two of them."""
    for target in plan.with_role("target"):
        if not (target.is_ratio and target.is_of_population) or target.better == "less" or direction(target) < 0:
            continue
        counts = [r for r in plan.with_role("baseline") if _counts_towards(r, target)]
        latest = max((count.year or 0 for count in counts), default=0)
        for count in counts:
            populations = _populations(plan, latest)
            if count.year != latest or len(populations) < 2:
                continue
            # Whole things: 2,529.8 beds are 2,530.
            needs = [
                max(0, math.ceil(target.amount * record.amount) - math.floor(count.amount)) for record in populations
            ]
            if len(set(needs)) == 1:
                continue
            phrases = [
                problem("printed.gap_with", gap=f"{need:,}", population=words.counted(record))
                for need, record in zip(needs, populations, strict=True)
            ]
            values = {"count": words.counted(count), "target": words.cited(target), "gaps": words.joined(phrases)}
            sentence = problem("printed.finding.gap", **values)
            records = (count, target, *populations)
            yield PlanFinding("gap", "note", plan.name, records, tuple(map(Fraction, needs)), sentence)


def _counts_towards(record: Printed, target: Printed) -> bool:
    is_count = record.per == "count" and not record.part_of and not record.bound and record.year is not None
    return is_count and record.subject == target.subject and target.qualifier in {"", record.qualifier}


def population_change(plan: PrintedPlan) -> Iterator[PlanFinding]:
    """Find a population, implied or printed, that changes by more than 2 % a year (``YEARLY_CHANGE``)."""
    groups: dict[tuple[int, str], list[tuple[Range, Problem, tuple[Printed, ...]]]] = defaultdict(list)
    for item in implied_populations(plan):
        when = item.ratio.year or 0, item.ratio.role
        groups[when].append((item.range, _implied(item), (item.count, item.ratio)))
    for record in plan.with_role("baseline", "planning"):
        if _is_population(record) and record.year:
            groups[record.year, record.role].append((record.range, words.counted(record), (record,)))
    for (first, one), (last, other) in pairwise(sorted(groups)):
        before, after = _hull(groups[first, one]), _hull(groups[last, other])
        allowed = YEARLY_CHANGE * (last - first)
        if before.low * (1 - allowed) <= after.high and after.low <= before.high * (1 + allowed):
            continue
        sentence = problem(
            "printed.finding.population_change",
            first=first,
            last=last,
            before=words.joined([phrase for _, phrase, _ in groups[first, one]]),
            after=words.joined([phrase for _, phrase, _ in groups[last, other]]),
            change=f"{float((after.low + after.high) / (before.low + before.high)) - 1:+.0%}",
            allowed=f"{float(YEARLY_CHANGE):.0%}",
        )
        records = tuple(
            dict.fromkeys(r for when in ((first, one), (last, other)) for _, _, used in groups[when] for r in used)
        )
        numbers = tuple(Fraction(end) for span in (before, after) for end in (span.low, span.high))
        yield PlanFinding("population_change", "question", plan.name, records, numbers, sentence)


def _hull(group: Iterable[tuple[Range, Problem, tuple[Printed, ...]]]) -> Range:
    spans = [span for span, _, _ in group]
    return Range(min(span.low for span in spans), max(span.high for span in spans))


def above_target(plan: PrintedPlan) -> Iterator[PlanFinding]:
    """Find a count that, over a population implied or printed elsewhere, already exceeds the target ratio."""
    for target in plan.with_role("target"):
        if not (target.is_ratio and target.is_of_population) or target.better == "less" or direction(target) < 0:
            continue
        for count in plan.with_role("baseline"):
            if not _counts_towards(count, target):
                continue
            above = [
                (people, phrase, records)
                for span, people, phrase, records in _people(plan, count)
                if count.range.low > target.amount * Fraction(span.high)
            ]
            if above:
                yield _exceeds(plan, count, target, above)


def _people(plan: PrintedPlan, count: Printed) -> Iterator[tuple[Range, Fraction, Problem, tuple[Printed, ...]]]:
    """Yield the populations a count can be divided by; none where the plan prints the ratio itself."""
    if _has_ratio(plan, count):
        return
    for item in implied_populations(plan):
        if item.ratio.year == count.year and item.ratio.role == "baseline":
            yield item.range, item.value, _implied(item), (item.count, item.ratio)
    for record in _populations(plan, count.year or 0):
        yield record.range, record.amount, words.counted(record), (record,)


def _has_ratio(plan: PrintedPlan, count: Printed) -> bool:
    return any(
        r.is_ratio and r.is_of_population and (r.subject, r.year) == (count.subject, count.year)
        for r in plan.with_role("baseline")
    )


def _exceeds(
    plan: PrintedPlan,
    count: Printed,
    target: Printed,
    above: Sequence[tuple[Fraction, Problem, tuple[Printed, ...]]],
) -> PlanFinding:
    rates = [count.amount / people for people, _, _ in above]
    base = BASES[target.per]
    phrases = [
        problem("printed.rate_over", rate=words.decimal(rate * base, 2), population=phrase)
        for rate, (_, phrase, _) in zip(rates, above, strict=True)
    ]
    sentence = problem(
        "printed.finding.above_target",
        count=words.counted(count),
        rates=words.joined(phrases),
        per=problem(f"printed.unit.{target.per}"),
        target=words.cited(target),
    )
    records = tuple(dict.fromkeys((count, target, *(r for _, _, used in above for r in used))))
    return PlanFinding("above_target", "question", plan.name, records, tuple(rates), sentence)

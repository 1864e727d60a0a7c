"""The check of printed numbers: every record stands in its plan, every rule has a near miss, expected numbers are by hand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicecircle.errors import StudyError, UsageError
from servicecircle.standards.contradictions import RULES, check, compare, known_populations
from servicecircle.standards.findings import implied_populations
from servicecircle.standards.printed import Printed, PrintedPlan, load_printed, read_printed
from servicecircle.text import sentence
from tests.conftest import SHARED, missing

PLANS = SHARED.parent / "mission" / "plans"
DALAD, BAOTOU, KANGBASHI, SHANTING, YANHU = "dalad", "baotou", "kangbashi", "shanting", "yanhu"


# --- the data stand in the plans -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plan_lines():
    if not PLANS.is_dir():
        missing(f"the plans at {PLANS} are absent")
    return {path.name: path.read_text(encoding="utf-8").split("\n") for path in PLANS.glob("*.txt")}


def has_number(line: str, number: str) -> bool:
    """Whether the number stands there as a number of its own: 1.9 is not in 91.97."""
    pattern = rf"(?<![\d.]){re.escape(number)}(?!\.?\d)"
    return re.search(pattern, line, re.ASCII) is not None


@pytest.mark.parametrize(("number", "line", "held"), [("1.9", "91.97", False), ("1.9", "万分1.9)", True), ("4", "4人左右", True), ("4", "4.0", False), ("90", "90以上", True), ("0", "20", False)])  # fmt: skip
def test_a_number_is_sought_whole(number, line, held):
    assert has_number(line, number) is held


@pytest.mark.parametrize("name", load_printed())
def test_every_record_stands_in_its_plan(name, plan_lines):
    plan = load_printed()[name]
    lines = plan_lines[plan.plan]
    assert len(plan.records) >= 40
    for record in plan.records:
        assert record.quote in lines[record.line - 1], record.name
        held = lines[record.place - 1]
        if record.printed:
            assert record.printed in held, record.name
        else:
            assert has_number(held, str(record.value)), record.name
        if record.value_line is None and not record.printed:
            assert has_number(record.quote, str(record.value)), record.name
        if record.scale == 10_000:
            assert f"{record.value}万" in held, record.name


def test_tables_have_the_number_just_below_its_label():
    for plan in load_printed().values():
        for record in plan.records:
            if record.value_line is not None:
                assert 0 < record.value_line - record.line <= 4, (plan.name, record.name)


# --- what is found in the five plans, by the numbers of the register ------------------------------------------------------

#: Contradiction of the register: plan, rule, lines of the finding, and numbers worked by hand (rounded as written).
REGISTER = {
    "C1": (DALAD, "increase", (7,), ["338"]),  # 1715 - 1377
    "C2 2020": (DALAD, "one_population", (7,), ["372017", "372180", "372314", "371831"]),
    "C3": (DALAD, "two_values", (9, 13), ["0.63", "1"]),
    "C5 life": (DALAD, "no_progress", (13, 43), ["77.1", "76.8"]),
    "C5 smoking": (DALAD, "two_values", (78, 180), ["0.20", "0.25"]),
    "C7": (BAOTOU, "part", (6, 11), ["142", "138"]),
    "C8": (BAOTOU, "two_values", (12, 376), ["6", "8"]),
    "C13": (KANGBASHI, "two_values", (93, 241), ["0.0004", "0.00026"]),
    "C14": (KANGBASHI, "above_target", (49, 51, 223), ["0.00927", "0.00933"]),  # 1463 / 157,804 and / 156,728
    "C15": (
        KANGBASHI,
        "population_change",
        (51, 339),
        ["156664", "157895", "194872", "205405"],
    ),  # 141,350 / 90.225 %, 100,350 / 63.555 %, 38 / 1.95, 38 / 1.85
    "C15 text": (KANGBASHI, "one_population", (51,), ["157804", "156728"]),  # 100,300 / 63.56 %, 141,400 / 90.22 %
    "C18 mothers": (KANGBASHI, "two_values", (161, 313), ["0.90", "0.95"]),
    "C18 children": (KANGBASHI, "two_values", (161, 313), ["0.90", "0.92"]),
    "C20": (SHANTING, "two_values", (9, 119), ["545556", "556944", "516842", "527632"]),
    "C21": (SHANTING, "two_values", (9, 135), ["563000", "412454"]),
    "C22": (SHANTING, "two_values", (9, 143), ["541743", "310789"]),
    "C23 life": (SHANTING, "two_values", (8, 49), ["77.35", "76.1"]),
    "C23 mothers": (SHANTING, "two_values", (8, 66), ["0.0000780", "0.0002892"]),
    "C23 infants": (SHANTING, "two_values", (8, 74), ["0.00304", "0.00347"]),
    "C24": (SHANTING, "two_values", (176, 279), ["0.93", "0.90"]),
    "C27": (SHANTING, "walking_speed", (214,), ["10"]),  # 2.5 km in a quarter of an hour
    "C28": (YANHU, "two_values", (10, 117), ["1", "0.88"]),
    "C29 hypertension": (YANHU, "two_values", (130, 199), ["0.85", "0.70"]),
    "C29 premature": (YANHU, "two_values", (160, 195), ["0.10", "0.085"]),
    "C29 visits": (YANHU, "no_progress", (171, 172), ["0.917", "0.90"]),
    "C29 doctors": (YANHU, "no_progress", (85, 86), ["0.003", "0.003"]),
    "36 not itemised": (DALAD, "list_sum", (7, 8), ["338"]),  # 1+1+22+7+9+173+122+3
}


def near(number: Fraction, written: str) -> bool:
    """Whether a number rounds to what is written."""
    exact = Fraction(Decimal(written))
    return abs(number - exact) <= Fraction(10) ** Decimal(written).as_tuple().exponent / 2


@pytest.mark.parametrize(("plan", "rule", "lines", "numbers"), REGISTER.values(), ids=REGISTER)
def test_the_contradictions_of_the_register_are_found(plan, rule, lines, numbers):
    found = [f for f in check(load_printed()[plan]) if f.rule == rule and f.lines == lines]
    hits = [
        f
        for f in found
        if len(f.numbers) == len(numbers) and all(any(near(n, text) for n in f.numbers) for text in numbers)
    ]
    assert len(hits) == 1, [(f.lines, [float(n) for n in f.numbers]) for f in found]


def test_the_sentence_of_a_wrong_increase():
    (finding,) = [f for f in check(load_printed()[DALAD]) if f.rule == "increase"]
    assert finding.grade == "contradiction"
    english, chinese = (sentence(language, finding.sentence) for language in ("en", "zh"))
    assert (
        english == "beds: from 1,377 (line 7) in 2015 to 1,715 (line 7) in 2020 is 338; the plan prints 378 (line 7)."
    )
    assert "增加应为 338，文中写 378" in chinese
    assert "378张" in finding.quotes


def test_words_that_stand_for_a_number_are_shown():
    (finding,) = [f for f in check(load_printed()[YANHU]) if f.rule == "two_values" and f.lines == (10, 117)]
    assert "100% (“所有”, line 10) and 88% (line 117)" in sentence("en", finding.sentence)


def test_one_population_behind_dalads_ratios():
    notes = {f.numbers[0]: f for f in check(load_printed()[DALAD]) if f.rule == "one_population"}
    late = next(f for f in notes.values() if near(f.numbers[0], "372017"))
    # 1980 / 5.325 = 371,830.99 (staff) and 1715 / 4.605 = 372,421.3 (beds) bound what fits all four ratios.
    assert "rest on one population (371,831-372,421 people)" in sentence("en", late.sentence)
    early = next(f for f in notes.values() if near(f.numbers[0], "331010"))  # 1377 / 4.16
    # 515 / 1.555 = 331,189.7 and 1377 / 4.155 = 331,408: another population than five years later.
    assert "(331,190-331,408 people)" in sentence("en", early.sentence)
    (change,) = [f for f in check(load_printed()[DALAD]) if f.rule == "population_change"]
    assert change.grade == "question"
    assert "+12%" in sentence("en", change.sentence)


def test_the_registered_population_is_the_basis_of_dalads_ratios():
    known = known_populations(["resident=330100", "registered=372034"])
    findings = check(load_printed()[DALAD], known)
    (basis,) = [f for f in findings if f.rule == "population_basis"]
    assert basis.grade == "note"
    assert basis.records[-2].qualifier == "registered"
    assert "fits population (registered) 372,034" in sentence("en", basis.sentence)
    assert "(-11.3%)" in sentence("en", basis.sentence)  # 330,100 / 372,126 - 1
    beds = next(f for f in findings if f.rule == "gap" and f.records[0].subject == "beds")
    # 6.8 x 372.034 = 2,529.8 -> 2,530 - 1,715; 6.8 x 330.1 = 2,244.7 -> 2,245 - 1,715
    assert sorted(beds.numbers) == [530, 815]


def test_another_population_is_no_basis():
    findings = check(load_printed()[DALAD], known_populations(["resident=330100"]))
    (basis,) = [f for f in findings if f.rule == "population_basis"]
    assert basis.grade == "question"
    assert not [f for f in findings if f.rule == "gap"]  # one population leaves nothing to compare


def test_complete_lists_that_sum_are_not_reported():
    # 138 institutions (Baotou), 41 institutions, 156 and 213 people (Kangbashi), 2381 people (Shanting)
    for name in (BAOTOU, KANGBASHI, SHANTING):
        plan = load_printed()[name]
        totals = {r.item_of for r in plan.records if r.item_of}
        assert totals
        assert all(r.complete for r in plan.records if r.name in totals)
        assert not [f for f in check(plan) if f.rule == "list_sum"]


def test_what_only_other_plans_show():
    plans = load_printed()
    found = {(f.plan, f.lines, f.records[0].subject) for plan in plans.values() for f in compare(plan, plans.values())}
    assert found == {(BAOTOU, (197,), "beds"), (BAOTOU, (322,), "childcare_place")}  # C10, C9


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_finding_has_a_sentence_in_both_languages(language):
    plans = load_printed()
    for plan in plans.values():
        for finding in (*check(plan), *compare(plan, plans.values())):
            said = sentence(language, finding.sentence)
            assert said
            assert "{" not in said
            assert "printed." not in said
            assert finding.lines
            assert finding.quotes


# --- every rule: just inside, just outside --------------------------------------------------------------------------------


def record(name, subject, value, per="count", role="baseline", year=2020, **more):
    given = {"name": name, "subject": subject, "value": Decimal(value), "per": per, "role": role, "year": year}
    source = {} if "source" in more else {"line": 1, "quote": "q"}
    return Printed.model_validate(given | source | more)


def rules_of(*records):
    return {f.rule for f in check(PrintedPlan("own", "own plan", records))}


def findings_of(rule, *records):
    return [f for f in check(PrintedPlan("own", "own plan", records)) if f.rule == rule]


def clean():
    """A made-up plan without a fault: 400,000 people, 2,000 beds, 1,000 doctors."""
    return (
        record("population", "population", "400000"),
        record("beds-2015", "beds", "1800", year=2015),
        record("beds", "beds", "2000"),
        record("more-beds", "beds", "200", role="increase", from_year=2015),
        record("growth", "beds", "11.1", "percent", role="increase", from_year=2015),
        record("beds-ratio", "beds", "5.00", "per_1000"),
        record("beds-target", "beds", "6.0", "per_1000", "target", 2025, better="more"),
        record("beds-text", "beds", "6", "per_1000", "target", 2025, better="more"),
        record("doctors", "doctors", "1000"),
        record("doctors-ratio", "doctors", "2.5", "per_1000"),
        record("doctors-per-10000", "doctors", "25", "per_10000"),
        record("staff", "health_staff", "2500", complete=True),
        record("list-doctors", "doctors", "1000", item_of="staff"),
        record("list-nurses", "nurses", "1500", item_of="staff"),
        record("deaths", "infant_mortality", "3.5", "per_1000", of="live_births"),
        record("deaths-target", "infant_mortality", "3.4", "per_1000", "target", 2025, better="less", bound="at_most"),
        record("km", "village_clinic", "1.5", "km", "limit", 2025, belongs="circle"),
        record("min", "village_clinic", "15", "min", "limit", 2025, belongs="circle"),
        record("planning", "population", "42", role="planning", year=2025, scale=10_000),
    )


def test_a_clean_plan_gives_nothing_but_the_population_it_rests_on():
    findings = check(PrintedPlan("own", "own plan", clean()))
    assert {(f.rule, f.grade) for f in findings} == {("one_population", "note"), ("population_basis", "note")}


def rise(printed, start="100", end="150", **more):
    return (
        record("a", "beds", start, year=2015, **more),
        record("b", "beds", end, **more),
        record("c", "beds", printed, role="increase", from_year=2015, **more),
    )


@pytest.mark.parametrize(
    ("records", "found"),
    [
        (rise("50"), False),
        (rise("51"), True),
        (rise("49"), True),
        # 11.4 - 9.5 = 1.9, each rounded to 0.1: anything from 1.8 to 2.0 fits, and so does a printed 1.75 to 2.05.
        (rise("2.0", "9.5", "11.4", scale=10_000), False),
        (rise("2.1", "9.5", "11.4", scale=10_000), True),
        (rise("1.94", "9.55", "11.49", scale=100_000_000), False),
    ],
)
def test_increase(records, found):
    assert bool(findings_of("increase", *records)) is found


@pytest.mark.parametrize(("printed", "found"), [("5.5", False), ("5.6", True), ("5.4", True), ("6", False)])
def test_growth_in_per_cent(printed, found):
    # 421 / 399 = 1.05514
    records = (
        record("a", "beds", "399", year=2015),
        record("b", "beds", "421"),
        record("c", "beds", printed, "percent", "increase", from_year=2015),
    )
    assert bool(findings_of("increase", *records)) is found


@pytest.mark.parametrize(("printed", "found"), [("64", False), ("63", True), ("52", True)])
def test_yearly_growth(printed, found):
    # 1.1035^5 = 1.6361, 1.1045^5 = 1.6436: 63.6 % to 64.4 %
    records = (
        record("a", "visits", "10.4", "percent", "yearly_increase", from_year=2015),
        record("b", "visits", printed, "percent", "increase", from_year=2015),
    )
    assert bool(findings_of("yearly_growth", *records)) is found


def listed(total, *items, **more):
    return (
        record("total", "institutions", total, **more),
        *(record(f"i{n}", "clinic", item, item_of="total") for n, item in enumerate(items)),
    )


@pytest.mark.parametrize(
    ("records", "grades"),
    [
        (listed("10", "4", "6", complete=True), []),
        (listed("10", "4", "5", complete=True), ["contradiction"]),
        (listed("10", "4", "5"), ["note"]),
        (listed("10", "4", "7"), ["contradiction"]),
        (listed("10", "4", "7", bound="above"), []),
    ],
)
def test_lists(records, grades):
    assert [f.grade for f in findings_of("list_sum", *records)] == grades


@pytest.mark.parametrize(("part", "found"), [("138", False), ("139", True)])
def test_a_part_and_its_whole(part, found):
    records = (
        record("all", "institutions", "138"),
        record("some", "institutions", part, qualifier="grassroots", part_of="all"),
    )
    assert bool(findings_of("part", *records)) is found


@pytest.mark.parametrize(
    ("one", "other", "grades"),
    [
        ({"value": "3.6"}, {"value": "3.6"}, []),
        ({"value": "3.6"}, {"value": "3.60"}, []),
        ({"value": "3.6"}, {"value": "3.65"}, []),  # both may be 3.65
        ({"value": "3.6"}, {"value": "3.66"}, ["contradiction"]),  # at most 3.65, at least 3.655
        ({"value": "3.6"}, {"value": "36", "per": "per_10000"}, []),
        ({"value": "3.6"}, {"value": "37", "per": "per_10000"}, []),  # 3.65 to 3.75
        ({"value": "3.6"}, {"value": "38", "per": "per_10000"}, ["contradiction"]),
        ({"value": "3.6"}, {"value": "3.8", "year": 2015}, []),
        ({"value": "3.6"}, {"value": "3.8", "year": None}, ["question"]),
        ({"value": "3.6"}, {"value": "3.8", "qualifier": "open"}, []),
        ({"value": "3.6", "basis": "resident"}, {"value": "3.8", "basis": "registered"}, []),
        ({"value": "3.6", "basis": "resident"}, {"value": "3.8"}, ["contradiction"]),
        ({"value": "90", "bound": "at_least"}, {"value": "95"}, []),
        ({"value": "90", "bound": "at_least"}, {"value": "80"}, ["contradiction"]),
    ],
)
def test_two_values_of_what_is(one, other, grades):
    first = record("a", "beds", **({"per": "per_1000"} | one))
    second = record("b", "beds", **({"per": "per_1000"} | other))
    assert [f.grade for f in findings_of("two_values", first, second)] == grades


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ({"value": "90", "bound": "at_least"}, {"value": "90"}, False),
        ({"value": "90", "bound": "at_least"}, {"value": "90.0", "bound": "at_least"}, False),
        ({"value": "90", "bound": "at_least"}, {"value": "91", "bound": "at_least"}, True),  # a target is not rounded
        ({"value": "20", "bound": "at_most"}, {"value": "25", "bound": "below"}, True),
        ({"value": "10", "bound": "at_least"}, {"value": "20", "bound": "at_most"}, False),  # a band
        ({"value": "20", "bound": "at_least"}, {"value": "10", "bound": "at_most"}, True),  # an empty one
        ({"value": "4", "about": True}, {"value": "3"}, False),  # about 4: 3 to 5
        ({"value": "4", "about": True}, {"value": "2.9"}, True),
    ],
)
def test_two_targets(one, other, found):
    records = [record(n, "beds", per="percent", role="target", year=2025, **v) for n, v in (("a", one), ("b", other))]
    assert bool(findings_of("two_values", *records)) is found


def two_ratios(beds, doctors, count="1000"):
    return (
        record("a", "beds", "2000"),
        record("b", "beds", beds, "per_1000"),
        record("c", "doctors", count),
        record("d", "doctors", doctors, "per_1000"),
    )


@pytest.mark.parametrize(
    ("beds", "doctors", "grade"),
    [
        ("5.0", "2.5", "note"),  # 396,040 to 404,040 and 392,157 to 408,163
        ("5.0", "2.4", "question"),  # 1000 / 2.45 = 408,163 and more
        ("5", "2.4", "note"),  # 2000 / 5.5 to 2000 / 4.5: up to 444,444
        ("4.90", "2.45", "note"),
        ("4.90", "2.50", "question"),  # 408,163 and 400,000, each to 0.2 %
    ],
)
def test_ratios_agree_when_one_population_fits_their_rounding(beds, doctors, grade):
    (finding,) = findings_of("one_population", *two_ratios(beds, doctors))
    assert finding.grade == grade


@pytest.mark.parametrize(
    ("count", "grade"), [("1005", "note"), ("1006", "question"), ("994", "question"), ("996", "note")]
)
def test_half_a_per_cent_still_agrees(count, grade):
    # 400,000 (399,996 to 400,004) against 402,000; 402,400; 397,600; 398,400: at most 0.5 % of the smaller
    (finding,) = findings_of("one_population", *two_ratios("5.0000", "2.5000", count))
    assert finding.grade == grade


def grown(late):
    return record("a", "population", "100000", year=2015), record("b", "population", late)


@pytest.mark.parametrize(("late", "found"), [("110000", False), ("110001", True), ("90000", False), ("89999", True)])
def test_two_per_cent_a_year(late, found):
    assert bool(findings_of("population_change", *grown(late))) is found


@pytest.mark.parametrize(("beds", "found"), [("3000", False), ("3001", True)])
def test_above_the_target(beds, found):
    records = (
        record("p", "population", "400000"),
        record("a", "beds", beds),
        record("t", "beds", "7.5", "per_1000", "target", 2025, better="more"),  # 3,000 beds
    )
    assert bool(findings_of("above_target", *records)) is found
    ceiling = record("t", "beds", "7.5", "per_1000", "target", 2025, better="less", bound="at_most")
    assert not findings_of("above_target", *records[:2], ceiling)


def test_a_rounded_population_leaves_open_whether_the_target_is_reached():
    target = record("t", "beds", "7.5", "per_1000", "target", 2025, better="more")
    about = record("p", "population", "40", scale=10_000, about=True)  # 390,000 to 410,000: 2,925 to 3,075 beds
    assert not findings_of("above_target", about, record("a", "beds", "3075"), target)
    assert findings_of("above_target", about, record("a", "beds", "3076"), target)


@pytest.mark.parametrize(
    ("base", "target", "grades"),
    [
        ({"value": "3.0"}, {"value": "3.1", "better": "more"}, []),
        ({"value": "3.0"}, {"value": "3.0", "better": "more"}, ["note"]),
        ({"value": "3.0"}, {"value": "2.95", "better": "more"}, []),  # 3.0 may be 2.95
        ({"value": "3.0"}, {"value": "2.9", "better": "more"}, ["question"]),
        ({"value": "3.0"}, {"value": "2.9", "better": "less"}, []),
        ({"value": "3.0"}, {"value": "3.1", "better": "less"}, ["question"]),
        ({"value": "3.0"}, {"value": "3.1"}, []),
        ({"value": "7", "bound": "below"}, {"value": "10", "better": "less"}, ["question"]),
        ({"value": "90", "bound": "below"}, {"value": "90", "better": "more"}, []),
        ({"value": "90", "bound": "at_least"}, {"value": "90", "better": "more"}, ["note"]),
    ],
)
def test_progress(base, target, grades):
    records = (record("a", "smoking", per="percent", **base), record("b", "smoking", per="percent", role="target", **({"year": 2025} | target)))  # fmt: skip
    assert [f.grade for f in findings_of("no_progress", *records)] == grades


def test_progress_is_measured_from_the_latest_year():
    records = (
        record("a", "smoking", "20", "percent", year=2015),
        record("b", "smoking", "30", "percent", year=2020),
        record("c", "smoking", "25", "percent", "target", 2025, better="less"),
    )
    assert not findings_of("no_progress", *records)


@pytest.mark.parametrize(("km", "belongs", "found"), [("1.5", "x", False), ("1.6", "x", True), ("1.6", "y", False)])
def test_walking_speed(km, belongs, found):
    # 1.5 km in 15 min is 6 km/h
    records = (
        record("a", "clinic", km, "km", "limit", belongs="x"),
        record("b", "clinic", "15", "min", "limit", belongs=belongs),
    )
    assert bool(findings_of("walking_speed", *records)) is found


def test_every_rule_has_an_example_that_it_finds():
    tried = {rule for _, rule, _, _ in REGISTER.values()} | {"yearly_growth", "population_basis", "gap"}
    assert tried == set(RULES)


@pytest.mark.parametrize(("ours", "found"), [("2.5", False), ("2.4", True), ("10.0", False), ("10.1", True)])
def test_other_plans(ours, found):
    def with_target(name, value, **more):
        made = record("t", "beds", value, "per_1000", "target", 2025, **({"better": "more"} | more))
        return PrintedPlan(name, name, (made,))

    others = [with_target(str(n), "5.0") for n in range(3)]
    own = with_target("own", ours)
    assert bool([*compare(own, others)]) is found
    assert not [*compare(own, others[:2])]
    assert [*compare(with_target("own", "5.0", bound="at_most", better="less"), others)]


def test_an_unqualified_ratio_goes_with_the_unqualified_count():
    plan = PrintedPlan(
        "own",
        "own",
        (
            record("a", "beds", "1964", qualifier="authorised"),
            record("b", "beds", "2005", qualifier="open"),
            record("r", "beds", "3.6", "per_1000"),
        ),
    )
    assert [round(item.value) for item in implied_populations(plan)] == [545_556, 556_944]
    plain = PrintedPlan("own", "own", (*plan.records, record("c", "beds", "2100")))
    assert [item.count.name for item in implied_populations(plain)] == ["c"]


@pytest.mark.parametrize(
    ("count", "ratio"),
    [
        ({"bound": "above"}, {}),
        ({}, {"bound": "at_least"}),
        ({"part_of": "whole"}, {}),
        ({"year": 2015}, {}),
        ({"qualifier": "open"}, {"qualifier": "authorised"}),
        ({"value": "0"}, {}),
        ({}, {"value": "0.0"}),
        ({}, {"of": "women"}),
    ],
)
def test_what_implies_no_population(count, ratio):
    def implied(count, ratio):
        beds = record("a", "beds", **({"value": "2000"} | count))
        per_1000 = record("b", "beds", per="per_1000", **({"value": "5.0"} | ratio))
        return [item.value for item in implied_populations(PrintedPlan("own", "own", (beds, per_1000)))]

    assert implied({}, {}) == [400_000]
    assert implied(count, ratio) == []


def test_a_bound_is_no_start_of_an_increase():
    start, end, more = rise("51")
    assert findings_of("increase", start, end, more)
    assert not findings_of("increase", record("a", "beds", "100", year=2015, bound="above"), end, more)


def test_a_printed_ratio_is_not_worked_out_again():
    target = record("t", "beds", "4.5", "per_1000", "target", 2025, better="more")
    others = two_ratios("5.0", "2.5")[2:]  # doctors: 400,000 people, 2,000 beds are 5 per 1,000
    assert findings_of("above_target", record("a", "beds", "2000"), *others, target)
    assert not findings_of(
        "above_target", record("a", "beds", "2000"), *others, target, record("r", "beds", "4.0", "per_1000")
    )


def test_a_weak_target_printed_twice_is_told_once():
    target = {"value": "2.5", "per": "percent", "role": "target", "year": 2025, "better": "more"}
    records = (
        record("a", "smoking", "3.0", "percent"),
        record("b", "smoking", **target),
        record("c", "smoking", **target),
    )
    assert len(findings_of("no_progress", *records)) == 1


def test_about_is_too_vague_for_a_verdict_on_progress():
    base = record("a", "smoking", "3.0", "percent")
    target = {"value": "2", "per": "percent", "role": "target", "year": 2025, "better": "more"}
    assert findings_of("no_progress", base, record("b", "smoking", **target))
    assert not findings_of("no_progress", base, record("b", "smoking", about=True, **target))


@pytest.mark.parametrize(
    ("more", "half"),
    [
        ({"value": "374"}, "0"),
        ({"value": "1.5"}, "0.05"),
        ({"value": "10.03", "scale": 10_000}, "50"),
        ({"value": "17", "scale": 10_000, "about": True}, "10000"),
        ({"value": "17", "about": True}, "1"),
        ({"value": "2.0", "per": "per_1000"}, "0.00005"),
        ({"value": "63", "per": "percent"}, "0.005"),
        ({"value": "2.0", "per": "per_1000", "role": "target"}, "0"),
        ({"value": "2.5", "per": "km", "role": "limit"}, "0"),
    ],
)
def test_rounding(more, half):
    assert record("a", "beds", **more).rounding == Fraction(Decimal(half))


def test_ratios_of_births_imply_no_population():
    records = (
        record("a", "infant_mortality", "20"),
        record("b", "infant_mortality", "3", "per_1000", of="live_births"),
    )
    assert implied_populations(PrintedPlan("own", "own", records)) == ()


@settings(max_examples=60, deadline=None)
@given(
    people=st.integers(20_000, 2_000_000),
    counts=st.lists(st.integers(50, 20_000), min_size=2, max_size=4),
    places=st.integers(1, 3),
)
def test_honest_rounding_is_never_a_contradiction(people, counts, places):
    subjects = ("beds", "doctors", "nurses", "health_staff")
    records = [record("people", "population", str(people))]
    for subject, count in zip(subjects, counts, strict=False):
        ratio = (Decimal(count) * 1000 / people).quantize(Decimal(10) ** -places)
        records += [record(subject, subject, str(count)), record(f"{subject}-ratio", subject, str(ratio), "per_1000")]
        fewer = count // 3
        records += [
            record(f"{subject}-before", subject, str(fewer), year=2015),
            record(f"{subject}-rise", subject, str(count - fewer), role="increase", from_year=2015),
        ]
    assert {f.grade for f in check(PrintedPlan("own", "own", tuple(records)))} <= {"note"}


def test_the_same_numbers_give_the_same_findings():
    plan = load_printed()[SHANTING]
    assert [sentence("zh", f.sentence) for f in check(plan)] == [sentence("zh", f.sentence) for f in check(plan)]


# --- a file of one's own, and the command ---------------------------------------------------------------------------------

OWN = """
plan = "Our plan"

[[printed]]
name = "beds-2020"
subject = "beds"
value = 4.10
per = "per_1000"
role = "baseline"
year = 2020
line = 7
quote = "4.10张"
"""


def own(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems_of(tmp_path, text):
    with pytest.raises(StudyError) as caught:
        read_printed(own(tmp_path, text))
    return [sentence("en", item) for item in caught.value.problems]


def test_printed_zeros_are_kept(tmp_path):
    (found,) = read_printed(own(tmp_path, OWN)).records
    assert str(found.value) == "4.10"
    assert found.rounding == Fraction(5, 1_000_000)  # half of 0.01 per 1,000


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("year = 2020", "yaer = 2020", ["record beds-2020: yaer"]),
        ('quote = "4.10张"', 'quote = ""', ["record beds-2020", "line and quote are missing"]),
        ("line = 7\n", "", ["record beds-2020", "line and quote are missing"]),
        ('quote = "4.10张"', 'quote = "4.10张"\nsource = "yearbook"', ["record beds-2020", "either line and quote, or source"]),
        ("value = 4.10", 'value = "4.10"', ["record beds-2020: value", "without quotes"]),
        ("value = 4.10", "value = true", ["record beds-2020: value"]),
        ("value = 4.10", "value = nan", ["record beds-2020: value"]),
        ("value = 4.10", "value = -1", ["record beds-2020: value"]),
        ("value = 4.10", "value = 1e999999999", ["record beds-2020: value"]),
        ("value = 4.10", "value = 1e-999999999", ["record beds-2020: value"]),
        ('per = "per_1000"', 'per = "per_100"', ["record beds-2020: per"]),
        ('role = "baseline"', 'role = "increase"', ["record beds-2020", "from_year"]),
        ('subject = "beds"', 'subject = "bed"', ["record beds-2020: subject = bed", "nearest is beds"]),
        ("line = 7", 'line = 7\nitem_of = "bedz"', ["record beds-2020: item_of = bedz", "nearest is beds-2020"]),
        ('plan = "Our plan"', 'plan = " "', ["the source is missing"]),
        ('plan = "Our plan"', "", ["the source is missing"]),
        ('plan = "Our plan"', 'plan = "Our plan"\nplna = 1', ["plna is not known"]),
        ("[[printed]]", "[[printed]", ["not valid TOML"]),
    ],
)  # fmt: skip
def test_refusals_name_the_record(tmp_path, old, new, said):
    assert old in OWN
    problems = problems_of(tmp_path, OWN.replace(old, new))
    assert any(all(part in problem for part in said) for problem in problems), problems
    assert all("mine.toml" in problem for problem in problems)


def test_all_faults_are_said_at_once(tmp_path):
    body = OWN.split("\n", 3)[3]
    text = OWN.replace("year", "yaer") + body.replace("value", "valeu").replace("beds-2020", "second")
    assert {"beds-2020" in p or "second" in p for p in problems_of(tmp_path, text)} == {True}
    assert len(problems_of(tmp_path, text)) == 3  # an unknown key; another, and the value it should have been


def test_a_name_twice_and_an_empty_file_are_refused(tmp_path):
    assert "more than once" in problems_of(tmp_path, OWN + OWN.split("\n", 3)[3])[0]
    assert any("no [[printed]] record" in p for p in problems_of(tmp_path, 'plan = "x"'))
    with pytest.raises(StudyError):
        read_printed(tmp_path / "absent.toml")


def test_a_subject_of_ones_own_needs_a_title(tmp_path):
    titled = OWN.replace('subject = "beds"', 'subject = "sauna"\ntitle = { zh = "桑拿", en = "saunas" }')
    second = titled.split("\n", 3)[3].replace("beds-2020", "b").replace("4.10\n", "5.00\n", 1)
    (finding,) = check(read_printed(own(tmp_path, titled + second)))
    assert sentence("en", finding.sentence).startswith("saunas (reached, 2020)")
    assert sentence("zh", finding.sentence).startswith("桑拿")


@pytest.mark.parametrize("given", ["372034", "=372034", "a=", "a=x", "a=0", "a=-5", "a=1.5", "a=１２"])
def test_a_population_is_a_name_and_a_number(given):
    with pytest.raises(UsageError):
        known_populations([given])
    with pytest.raises(UsageError):
        known_populations(["a=1", "a=2"])


def cli(*args):
    command = [
        sys.executable,
        "-c",
        "from servicecircle.cli import main; main()",
        "standards",
        "check",
        *map(str, args),
    ]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False)


def test_the_command_prints_a_line_for_each_finding():
    done = cli("shanting", "--lang", "en")
    assert done.returncode == 0
    assert done.stderr == ""
    first, *lines = done.stdout.splitlines()
    assert first.startswith("shanting (003_b65a77e5e2dd8824.txt)")
    assert all(line.startswith("shanting  line ") for line in lines)
    assert any("line 9, 135  contradiction: doctors" in line for line in lines)
    assert "山亭" not in done.stdout


def test_the_command_takes_all_plans_and_speaks_json():
    record = json.loads(cli("--json").stdout)
    assert [plan["plan"] for plan in record["plans"]] == [BAOTOU, DALAD, KANGBASHI, SHANTING, YANHU]
    assert all(plan["findings"] for plan in record["plans"])
    assert record["exit_code"] == 0


def test_the_command_takes_a_file(tmp_path):
    path = own(tmp_path, OWN + OWN.split("\n", 3)[3].replace("beds-2020", "table").replace("4.10\n", "4.30\n", 1))
    done = cli("--file", path, "--lang", "en")
    assert done.returncode == 0
    assert "mine  line 7  contradiction: beds (reached, 2020) is printed twice" in done.stdout
    assert "dalad" not in done.stdout


@pytest.mark.parametrize(
    ("args", "code"), [(["none"], 2), (["--population", "a=1"], 2), (["dalad", "--population", "a"], 2), (["--file", "absent.toml"], 1)]
)  # fmt: skip
def test_wrong_calls(args, code):
    done = cli(*args)
    assert done.returncode == code
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_file_is_exit_code_1(tmp_path):
    done = cli("--file", own(tmp_path, OWN.replace("year", "yaer")), "--lang", "en")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "record beds-2020: yaer" in done.stderr
    assert "Traceback" not in done.stderr

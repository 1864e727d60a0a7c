"""The page ``docs/standards.md``: how to add a record, the shipped ones, the check of printed numbers."""

from __future__ import annotations

from servicecircle.standards.catalogue import load_catalogue
from servicecircle.standards.contradictions import RULES, compare
from servicecircle.standards.demands import need_text, types_text
from servicecircle.standards.faults import types_of
from servicecircle.standards.findings import AGREEMENT
from servicecircle.standards.model import Covering, Standard
from servicecircle.standards.printed import Printed
from servicecircle.standards.vocabulary import ownerships
from servicecircle.standards.wording import clause_text, demands
from servicecircle.text.text import catalogue

HANDBOOK = """\
# Standards

The records below are shipped with the package (`src/coverage/servicecircle/standards/plans/*.toml`).
A study names them in `[standards] use`: a plan (`shanting`), a group (`national/ambulance`) or a single id
(`shanting/S01`). Every row of the register of the five plans has its records. Each measure of a circle or a radius
is one criterion, `shanting/S01/walk`; a value equal to the limit holds.
No plan states how people travel: the modes are the catalogue's reading, shown side by side.

## A requirement of your own

Write one record under `[standards]` of the study; no code is needed. `kind` says what is measured and how, and which
keys the record has ([study.md](study.md) lists them by kind). `types`, `has` and `asset` are codes of
`vocabulary.toml`; a type accepts everything below it. A key that does not belong, a word nobody knows and a record
without its number are refused before anything is computed, with the record's id. Each record is one line of
`scorecard.csv`; without a number it has a value but no verdict.

```toml
[[standards.define]]
id = "county/beds"
title = { zh = "每千人口护理床位", en = "Nursing beds per 1,000 people" }
kind = "ratio"
asset = "nursing_beds"
per_people = 1000
at_least = 1.5
basis = "resident"

[[standards.define]]
id = "county/graded-hospitals"
title = { zh = "六成医院达到二级", en = "60 % of the hospitals are of grade II or above" }
kind = "share"
types = ["hospital"]
must = [{ has = "grade", at_least = "grade_2" }]
target_share = 0.6

[[standards.define]]
id = "county/clinic-12min"
title = { zh = "12 分钟到卫生室", en = "A clinic within 12 minutes" }
kind = "circle"
types = ["village_clinic", "township_health_centre"]
measures = ["walk", "ebike"]
limit_min = 12
target_share = 0.9
note = { zh = "未写方式，步行与电动自行车并列。", en = "No mode is stated: on foot and by e-bike, side by side." }
```

A requirement that is shipped with the package is one `[[standard]]` record in the file of its plan, with the plan's
file, line and a quote that stands on it, and one example just inside and one just outside its number in
`tests/examples/`. What the plan leaves open belongs into `note`. This page is renewed with

```
python -c "from servicecircle.standards.handbook import handbook; print(handbook(), end='')" > docs/standards.md
```

## The shipped records

"""

CHECKS = """
## Checking the numbers a plan prints

`servicecircle standards check` holds the printed numbers of a plan against each other and says, with lines, what does
not fit: `servicecircle standards check dalad --lang en`. Without a name it takes all shipped plans; `--json` gives one
document. With `--population registered=372034 --population resident=330100` it also says which population the ratios
rest on and what that does to every gap. It names three grades: a *contradiction* (no reading fits both numbers), a
*question* (two readings are possible, the plan should say which) and a *note*. It finds what arithmetic can find, not
what takes understanding: a sentence cut off, two words for one clinic, a city's figure in a district's plan.

**Rounding.** A printed number stands for everything that rounds to it: 2.0 is 1.95 to 2.05, 10.03万 is 100,250 to
100,350; "about" doubles that. Whole counts, targets and limits are exact. A count and a ratio therefore imply a range
of populations, and two numbers contradict each other only when their ranges do not even touch. Populations implied for
one year also agree when they differ by {agreement} of the smaller or less.

The numbers stand in `src/coverage/servicecircle/standards/printed/*.toml`. A plan of your own goes into a file of the
same form, checked with `--file my_plan.toml`:

```toml
plan = "Health plan of the county, 2021-2025"

[[printed]]
name = "beds-2020"
subject = "beds"
value = 1715
per = "count"
role = "baseline"
year = 2020
line = 7
quote = "1715张"
```

Write a number with the zeros it is printed with (`2.0`). A subject the package does not know needs a `title`.

| rule | what it does |
| --- | --- |
{rules}
| key | meaning |
| --- | --- |
{keys}
Subjects: {subjects}, and every facility type of `vocabulary.toml`.
"""

COLUMNS = ("id", "名称", "title", "kind", "demands", "types", "applies to", "target", "clause")


def handbook() -> str:
    """Return the page ``docs/standards.md``: how to add a record, the shipped ones, the check of printed numbers."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(_row(standard) for standard in load_catalogue().values())]
    return HANDBOOK + "".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |\n" for row in rows) + _checks()


def _checks() -> str:
    """Return the section on printed numbers; rules and keys are described by their own docstrings."""
    rules: dict[str, object] = {**RULES, "other_plans": compare}
    keys = Printed.model_fields.items()
    prefix = "printed.subject."
    return CHECKS.format(
        agreement=f"{float(AGREEMENT):.1%}",
        rules="".join(
            f"| `{name}` | {(rule.__doc__ or '').splitlines()[0].replace('``', '`')} |\n"
            for name, rule in rules.items()
        ),
        keys="".join(
            f"| `{name}` | {' '.join((info.description or '').split()).replace('``', '`')} |\n" for name, info in keys
        ),
        subjects=", ".join(
            f"`{key.removeprefix(prefix)}`" for key in sorted(catalogue("en")) if key.startswith(prefix)
        ),
    )


def _row(standard: Standard) -> tuple[str, ...]:
    return (
        f"`{standard.id}`",
        standard.title.zh,
        standard.title.en,
        standard.kind,
        demands(standard, "en"),
        _filter(standard),
        _applies(standard),
        _target(standard),
        clause_text(standard, "en"),
    )


def _filter(standard: Standard) -> str:
    types = types_text(types_of(standard), "en")
    more = [ownerships()[code].en for code in getattr(standard, "ownership", ())]
    more += [need_text(need, "en") for need in getattr(standard, "needs", ())]
    return (f"{types} ({'; '.join(more)})" if more else types) or "-"


def _applies(standard: Standard) -> str:
    words = [getattr(standard, "area_class", None), *getattr(standard, "unit_kinds", ())]
    return ", ".join(word for word in words if word) or "all"


def _target(standard: Standard) -> str:
    if not isinstance(standard, Covering) or standard.target_share is None:
        return "-"
    return f"{standard.target_share * 100:g} % of {standard.target_of}"

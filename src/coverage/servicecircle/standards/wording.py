"""How a standard is put into words: its limit, its clause, and the page that lists the shipped records."""

from __future__ import annotations

from collections.abc import Iterable

from servicecircle.standards.catalogue import load_catalogue
from servicecircle.standards.contradictions import RULES, compare
from servicecircle.standards.demands import asset_title, demand_text, need_text, types_text
from servicecircle.standards.faults import types_of
from servicecircle.standards.findings import AGREEMENT
from servicecircle.standards.model import MM_PER_KM, MS_PER_MIN, Covering, Criterion, Standard
from servicecircle.standards.modes import standard_modes
from servicecircle.standards.printed import Printed
from servicecircle.standards.vocabulary import assets, ownerships, type_title
from servicecircle.text.text import catalogue, say


def limit_text(criterion: Criterion, language: str) -> str:
    """Return the limit in words: ``15 分钟步行``, ``直线 5 公里``, ``within 20 km by road (by car)``.

    Parameters
    ----------
    criterion : Criterion
        The test; a band shows both ends, a wish (为宜) says so, and a group of people is named behind the limit.
    language : str
        ``zh`` or ``en``.
    """
    limit, group = _limit(criterion, language), criterion.standard.group
    return say(language, "standards.limit.of_group", limit=limit, group=group) if group else limit


def _limit(criterion: Criterion, language: str) -> str:
    standard = criterion.standard
    if criterion.measure == "presence":
        unit = say(language, f"standards.per.{_unit_word(standard)}")
        return say(language, "standards.limit.presence", unit=unit, count=criterion.limit)
    mode = standard_modes()[criterion.mode].title.in_language(language) if criterion.mode else ""
    if criterion.measure == "time":
        return say(language, "standards.limit.time", minutes=f"{criterion.limit / MS_PER_MIN:g}", mode=mode)
    distance = f"{criterion.limit / MM_PER_KM:g}"
    if criterion.preferred is not None:
        distance = f"{criterion.preferred / MM_PER_KM:g}-{distance}"
    wish = "preferred_" if standard.preferred_only else ""
    return say(language, f"standards.limit.{wish}{criterion.measure}", distance=distance, mode=mode)


#: Kinds of unit that have a word of their own at a level; any other choice is called by the level as a whole.
UNIT_WORDS = frozenset({"village_village", "village_community", "township_town", "township_street"})


def _unit_word(standard: Covering) -> str:
    word = f"{standard.per}_{'_'.join(standard.unit_kinds)}"
    return word if word in UNIT_WORDS else standard.per


def clause_text(standard: Standard, language: str) -> str:
    """Return where the requirement stands: plan file, line and quote, or the source, with a mark of the status."""
    parts = []
    if standard.plan:
        clause = {"plan": _plan_name(standard, language), "line": standard.line or "-", "quote": standard.quote}
        parts.append(say(language, "standards.clause.plan", **clause))
    if standard.source:
        parts.append(standard.source)
    body = say(language, "standards.clause.join").join(parts)
    return (body + status_mark(standard, language)).strip()


def _plan_name(standard: Standard, language: str) -> str:
    """Return the plan's file, with the place whose plan it is where that is known by the record's id."""
    key = f"standards.plan.{standard.id.split('/', 1)[0]}"
    if key not in catalogue(language):
        return standard.plan
    return say(language, "standards.clause.plan_of", plan=say(language, key), file=standard.plan)


#: What may be missing beside a facility type or an asset.
MISSING = ("ownership", "units", "reported", "siting")
#: How a missing group of people begins: ``group:65+``.
MISSING_GROUP = "group:"


def missing_text(missing: Iterable[str], language: str) -> str:
    """Return what no input holds in words: facility types, assets, the ownership, or units to judge."""
    return say(language, "standards.missing.join").join(_missing(code, language) for code in missing)


def _missing(code: str, language: str) -> str:
    if code in MISSING:
        return say(language, f"standards.missing.{code}")
    if code.startswith(MISSING_GROUP):
        return say(language, "standards.missing.group", group=code.removeprefix(MISSING_GROUP))
    return asset_title(code, language) if code in assets() else type_title(code, language)


def status_mark(standard: Standard, language: str) -> str:
    """Return the mark of the status, e.g. ``（国家标准，未核实）``; empty for a requirement printed in a plan."""
    return "" if standard.status == "plan" else say(language, f"standards.status.{standard.status}")


HANDBOOK = """\
# Standards

The records below are shipped with the package (`src/coverage/servicecircle/standards/plans/*.toml`).
A study names them in `[standards] use`: a plan (`shanting`), a group (`national/ambulance`) or a single id
(`shanting/S01`). Every row of the register of the five plans has its records. Each measure of a circle or a radius
is one criterion, `shanting/S01/walk`; a value equal to the limit holds.
No plan states how people travel: the modes are the catalogue's reading, shown side by side.

To add a requirement, add one `[[standard]]` record to the file of its plan (or one `[[standards.define]]` to a
study) and one example to `tests/test_standards.py`. `types` names codes of `vocabulary.toml`; a group accepts
everything below it. What the plan leaves open belongs into `note`. No code is needed. The page is renewed with

```
python -c "from servicecircle.standards.wording import handbook; print(handbook(), end='')" > docs/standards.md
```

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


def demands(standard: Standard, language: str) -> str:
    """Return what a record of any kind demands, as one line."""
    if not isinstance(standard, Covering):
        return demand_text(standard, language)
    return "; ".join(limit_text(criterion, language) for criterion in standard.criteria())


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

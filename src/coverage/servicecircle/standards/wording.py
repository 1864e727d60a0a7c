"""How a standard is put into words: its limit, its clause, and the page that lists the shipped records."""

from __future__ import annotations

from collections.abc import Iterable

from servicecircle.standards.catalogue import load_catalogue
from servicecircle.standards.demands import asset_title, demand_text, need_text, types_text
from servicecircle.standards.faults import types_of
from servicecircle.standards.model import MM_PER_KM, MS_PER_MIN, Covering, Criterion, Standard
from servicecircle.standards.modes import standard_modes
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

COLUMNS = ("id", "名称", "title", "kind", "demands", "types", "applies to", "target", "clause")


def handbook() -> str:
    """Return the page ``docs/standards.md``: how to add a record, and a Markdown table of the shipped ones."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(_row(standard) for standard in load_catalogue().values())]
    return HANDBOOK + "".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |\n" for row in rows)


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

"""How a standard is put into words: its limit, its clause, what it demands and what is missing."""

from __future__ import annotations

from collections.abc import Iterable

from servicecircle.standards.demands import asset_title, demand_text
from servicecircle.standards.model import MM_PER_KM, MS_PER_MIN, Covering, Criterion, Standard
from servicecircle.standards.modes import standard_modes
from servicecircle.standards.vocabulary import assets, type_title
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


def demands(standard: Standard, language: str) -> str:
    """Return what a record of any kind demands, as one line."""
    if not isinstance(standard, Covering):
        return demand_text(standard, language)
    return "; ".join(limit_text(criterion, language) for criterion in standard.criteria())

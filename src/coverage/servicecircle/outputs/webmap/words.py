"""Sentences that map and start page share: limits, verdicts, clauses, credits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicecircle.standards.modes import standard_modes
from servicecircle.text.text import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicecircle.results import CriterionSummary
    from servicecircle.standards.model import Criterion
    from servicecircle.study import Source, Study

MS_PER_MIN, MM_PER_KM = 60_000, 1_000_000


def share_text(share: float | None) -> str:
    """Return a share as per cent with one decimal; never 100 % or 0 % by rounding alone."""
    if share is None or share != share:
        return "—"
    if 0 < share < 0.001:
        return "<0.1%"
    if 0.999 < share < 1:
        return ">99.9%"
    return f"{share * 100:.1f}%" if 0 < share < 1 else f"{share * 100:.0f}%"


def people_text(persons: float) -> str:
    """Return a number of people, whole, with thousands separated; ``<1`` where rounding would say nobody."""
    return "<1" if 0 < persons < 0.5 else f"{round(persons):,}"


def limit_text(criterion: Criterion, language: str) -> str:
    """Return the limit of a criterion in words, e.g. ``步行 15 分钟以内``."""
    if criterion.measure == "presence":
        return say(language, f"map.limit_presence_{criterion.standard.per}", limit=criterion.limit)
    modes = standard_modes()
    mode = modes[criterion.mode].title.in_language(language) if criterion.mode in modes else criterion.mode
    limit = criterion.limit / (MS_PER_MIN if criterion.measure == "time" else MM_PER_KM)
    away = "_from" if criterion.standard.direction == "from_facility" and criterion.measure != "straight" else ""
    text = say(language, f"map.limit_{criterion.measure}{away}", mode=mode, limit=f"{limit:g}")
    return text + (say(language, "map.preferred") if criterion.standard.preferred_only else "")


def verdict_lines(summary: CriterionSummary, language: str, types: dict[str, str]) -> list[str]:
    """Return what the plan's target and the study's own target say of a criterion, one line each.

    Parameters
    ----------
    types : dict
        Names of facility types by code, for those that are missing.
    """
    if summary.state == "no data":
        missing = [types.get(code, code) for code in summary.missing]
        return [say(language, "map.missing_types", types=("、" if language == "zh" else ", ").join(missing))]
    if summary.target_share is None:
        first = say(language, "map.no_target")
    else:
        key = "map.target_units" if summary.criterion.standard.target_of == "units" else "map.target"
        first = say(language, key, target=share_text(summary.target_share), verdict=_verdict(summary.verdict, language))
    assumed = _verdict(summary.assumed_verdict, language)
    return [first, say(language, "map.assumed", target=share_text(summary.assumed_target_share), verdict=assumed)]


def _verdict(verdict: str, language: str) -> str:
    return say(language, f"map.verdict.{verdict.replace(' ', '_')}")


def clause_text(criterion: Criterion, language: str) -> str:
    """Return where a requirement is printed, with its quote."""
    standard = criterion.standard
    if standard.plan:
        text = say(language, "map.clause", plan=standard.plan, line=standard.line, quote=standard.quote)
    elif standard.source:
        text = say(language, "map.clause_source", source=standard.source)
    else:
        text = say(language, "map.clause_study")
    return text + (say(language, "map.unverified") if standard.status == "national_unverified" else "")


def credits(study: Study) -> list[str]:
    """Return one line for each data source of a study: what it gives, who made it, its licence; equal lines once."""
    language = study.outputs.language
    found: dict[str, None] = {}
    for role, source in _sources(study):
        owner = source.source or say(language, "map.no_source")
        licence = "" if not source.licence else f"（{source.licence}）" if language == "zh" else f" ({source.licence})"
        colon = "：" if language == "zh" else ": "
        found[say(language, f"map.credit_{role}") + colon + owner + licence] = None
    return list(found)


def _sources(study: Study) -> Iterator[tuple[str, Source]]:
    named = (
        ("units", study.area.units),
        ("units", study.area.points),
        ("population", study.population.raster),
        ("population", study.population.points),
        ("roads", study.roads.osm),
        ("barriers", study.barriers.lines),
        *(("facilities", file) for file in study.facilities),
    )
    return ((role, source) for role, source in named if source is not None)


def map_note(study: Study) -> str:
    """Return the line every map carries: the study's own or the default, and the review number when given."""
    language = study.outputs.language
    note = study.outputs.map_note or say(language, "map.note")
    number = study.outputs.review_number
    return note if not number else f"{note}　{say(language, 'map.review', number=number)}"


def gap_rule(study: Study) -> str:
    """Return the rule by which a unit is short, with the study's numbers."""
    gap = study.gap
    return say(
        study.outputs.language,
        "map.gap_rule",
        min_persons=f"{gap.min_persons:g}",
        min_share=share_text(gap.min_share),
        half_share=share_text(gap.half_share),
        half_persons=f"{gap.half_persons:g}",
    )

"""Sentences that map and start page share: shares, verdicts, credits, the boundary note."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from servicecircle.outputs.credits import credit_sources
from servicecircle.standards.wording import missing_text
from servicecircle.text.text import say

if TYPE_CHECKING:
    from servicecircle.results import CriterionSummary
    from servicecircle.study import Study


#: Roles of sources that are called the same on the map.
ROLES = {"unit_points": "units"} | dict.fromkeys(
    ("population_points", "population_table", "population_group"), "population"
)


def share_text(share: float | None) -> str:
    """Return a share as per cent with one decimal; never 100 % or 0 % by rounding alone."""
    if share is None or math.isnan(share):
        return "—"
    if 0 < share < 0.001:
        return "<0.1%"
    if 0.999 < share < 1:
        return ">99.9%"
    return f"{share * 100:.1f}%" if 0 < share < 1 else f"{share * 100:.0f}%"


def people_text(persons: float) -> str:
    """Return a number of people, whole, with thousands separated; ``<1`` where rounding would say nobody."""
    return "<1" if 0 < persons < 0.5 else f"{round(persons):,}"


def verdict_lines(summary: CriterionSummary, language: str) -> list[str]:
    """Return what the plan's target and the study's own target say of a criterion, one line each."""
    if summary.state == "no data":
        return [say(language, "map.missing", missing=missing_text(summary.missing, language))]
    if summary.target_share is None:
        first = say(language, "map.no_target")
    else:
        key = "map.target_units" if summary.criterion.standard.target_of == "units" else "map.target"
        first = say(
            language, key, target=share_text(summary.target_share), verdict=_verdict(summary.printed_verdict, language)
        )
    assumed = _verdict(summary.assumed_verdict, language)
    return [first, say(language, "map.assumed", target=share_text(summary.assumed_target_share), verdict=assumed)]


def _verdict(verdict: str, language: str) -> str:
    return say(language, f"map.verdict.{verdict.replace(' ', '_')}")


def map_credits(study: Study) -> list[str]:
    """Return one line for each data source of a study: what it gives, who made it, its licence; equal lines once."""
    language = study.outputs.language
    found: dict[str, None] = {}
    for role, source in credit_sources(study):
        owner = source.source or say(language, "map.no_source")
        licence = "" if not source.licence else f"（{source.licence}）" if language == "zh" else f" ({source.licence})"
        colon = "：" if language == "zh" else ": "
        found[say(language, f"map.credit_{ROLES.get(role, role)}") + colon + owner + licence] = None
    return list(found)


def map_note(study: Study) -> str:
    """Return the line every map carries: the study's own or the default, and the review number when given."""
    language = study.outputs.language
    note = study.outputs.map_note or say(language, "map.note")
    number = study.outputs.review_number
    return note if not number else f"{note}　{say(language, 'map.review', number=number)}"

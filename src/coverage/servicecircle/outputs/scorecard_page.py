"""``scorecard.html``: every row of the register on one page, to read in a meeting and to print; no script."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, Template

from servicecircle.outputs.scorecard import part_cells, rows_of, verdict_counts, verdict_of, why_text
from servicecircle.outputs.start import LANG, POLICY
from servicecircle.outputs.webmap import words
from servicecircle.standards.contradictions import check
from servicecircle.standards.printed import load_printed
from servicecircle.text.text import catalogue, say, sentence

if TYPE_CHECKING:
    from servicecircle.outputs.scorecard import Part
    from servicecircle.results import Results

#: Facilities or units listed under a row; the rest stands in ``shortfalls.csv``.
LISTED = 12
#: Verdicts in the order of the legend, each with the name of its style.
STYLES = {
    "not met": "bad",
    "depends on reading or mode": "mixed",
    "met": "good",
    "no target printed": "plain",
    "reported": "plain",
    "no data": "open",
    "not computable": "open",
}
#: Columns on the page, as they are called in the table.
COLUMNS = ("register_row", "title", "value_text", "target_text", "short_text", "verdict_text")
LABELS = ("clause", "readings", "basis", "list", "baseline", "contradictions")


def scorecard_page(results: Results) -> str:
    """Return the complete page; the same results give the same text."""
    language = results.study.outputs.language
    counts = verdict_counts(results)
    header = catalogue(language)
    return _template().render(
        lang=LANG[language],
        policy=POLICY,
        title=results.study.study.name,
        heading=say(language, "scorecard.heading"),
        about=say(language, "scorecard.about", rows=sum(counts.values())),
        counts=[
            {"text": say(language, f"tables.word.{verdict}"), "count": counts[verdict], "style": style}
            for verdict, style in STYLES.items()
            if verdict in counts
        ],
        columns=[header[f"tables.header.{name}"] for name in COLUMNS],
        plans=_plans(results, language),
        labels={
            name: say(language, f"scorecard.{name}") for name in ("clause", "readings", "basis", "list", "baseline")
        },
        note=words.map_note(results.study),
        back=say(language, "scorecard.back"),
    )


def _plans(results: Results, language: str) -> list[dict[str, Any]]:
    """Return the rows plan by plan, each with its records."""
    plans: dict[str, list[dict[str, Any]]] = {}
    for (place, row), parts in rows_of(results).items():
        verdict = verdict_of(parts)
        plans.setdefault(place, []).append(
            {"row": row, "chip": _chip(verdict, language), "parts": [_part(part, parts, language) for part in parts]}
        )
    name = catalogue(language)
    return [
        {
            "title": name.get(f"standards.plan.{place}", place),
            "rows": rows,
            "contradictions": _contradictions(place, language),
        }
        for place, rows in plans.items()
    ]


def _contradictions(place: str, language: str) -> list[str]:
    """Return what in the plan's own numbers no reading makes fit: a verdict beside them needs the reader to know."""
    plan = load_printed().get(place)
    found = () if plan is None else check(plan)
    return [sentence(language, finding.sentence) for finding in found if finding.grade == "contradiction"]


def _part(part: Part, parts: list[Part], language: str) -> dict[str, Any]:
    """Return the texts of one record; its own verdict only where the row has several records."""
    chip = _chip(part.verdict, language) if len(parts) > 1 else None
    more = {"id": part.standard.id, "chip": chip, "listed": _items(part, language)}
    return part_cells(part, language) | more


def _chip(verdict: str, language: str) -> dict[str, str]:
    return {"text": say(language, f"tables.word.{verdict}"), "style": STYLES.get(verdict, "plain")}


def _items(part: Part, language: str) -> str:
    items = () if part.finding is None else part.finding.items
    named = "; ".join(f"{item.parent}{item.name} ({why_text(item, language)})" for item in items[:LISTED])
    more = len(items) - LISTED
    return f"{named} {say(language, 'findings.words.more', count=more)}" if more > 0 else named


@cache
def _template() -> Template:
    page = files("servicecircle.outputs").joinpath("scorecard.html.jinja").read_text(encoding="utf-8")
    return Environment(autoescape=True, keep_trailing_newline=True).from_string(page)

"""``start.html``: what lies in the folder, one sentence each, and what the run found, at a glance."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, Template

from servicecircle.outputs.record import RASTER
from servicecircle.outputs.webmap import words
from servicecircle.standards.wording import limit_text
from servicecircle.text.text import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicecircle.results import CriterionSummary, Results

#: The start page runs no script and asks nothing of the network; its links lead to files beside it.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
LANG = {"zh": "zh-CN", "en": "en"}

#: The travel time rasters together: their number and names depend on the study.
RASTERS = "travel_time.tif"
#: Files in the order a reader wants them; run.json and run.log hold sizes and times of their own.
ORDER = (
    "map.html",
    "scorecard.html",
    "gaps.xlsx",
    "gaps.csv",
    "sites.csv",
    "scorecard.xlsx",
    "scorecard.csv",
    "shortfalls.csv",
    "criteria.csv",
    "ranges.csv",
    "units.csv",
    "study.gpkg",
    RASTERS,
    "fields.csv",
    "set_aside.csv",
    "run.json",
    "run.log",
)
#: More rasters than this are folded up, one click away.
FOLDED_FROM = 3
UNSIZED = ("run.json", "run.log")


def start_page(results: Results, sizes: Mapping[str, int]) -> str:
    """Return the complete ``start.html``; the same results and sizes give the same text.

    Parameters
    ----------
    sizes : mapping
        Bytes of the files written so far, by name.
    """
    language = results.study.outputs.language
    study = results.study
    return _template().render(
        lang=LANG[language],
        policy=POLICY,
        title=study.study.name,
        heading=say(language, "start.heading"),
        files=_files(sizes, language),
        found=say(language, "start.found"),
        columns=[say(language, f"start.column.{c}") for c in ("requirement", "share", "uncovered", "short", "verdict")],
        rows=[_row(summary, language) for summary in results.summaries],
        notices_title=say(language, "start.notices"),
        notices=results.notices,
        sources_title=say(language, "start.sources"),
        sources=words.map_credits(study),
        note=words.map_note(study),
    )


def _files(sizes: Mapping[str, int], language: str) -> list[dict[str, Any]]:
    """Return one entry for each file, and one for all rasters: names, what they are, bytes together."""
    rasters = sorted(name for name in sizes if name.startswith(RASTER[0]))
    groups = {name: rasters if name == RASTERS else [name] for name in ORDER}
    return [
        {
            "names": names,
            "group": f"{RASTER[0]}*{RASTER[1]} ({len(names)})" if len(names) > FOLDED_FROM else "",
            "size": size_text(sum(sizes[n] for n in names)) if names[0] in sizes else "",
            "says": say(language, f"start.file.{key.replace('.', '_')}"),
        }
        for key, names in groups.items()
        if names and (names[0] in sizes or key in UNSIZED)
    ]


def size_text(size: int) -> str:
    """Return a size in kB or MB (1,000 and 1,000,000 bytes), never 0."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3))} kB"


def _row(summary: CriterionSummary, language: str) -> dict[str, Any]:
    computed = summary.state == "computed"
    return {
        "title": summary.criterion.standard.title.in_language(language),
        "limit": limit_text(summary.criterion, language),
        "key": summary.criterion.key,
        "share": words.share_text(summary.share_covered),
        "uncovered": words.people_text(summary.persons - summary.covered_persons) if computed else "—",
        "short": f"{summary.units_short} / {summary.units}" if computed else "—",
        "verdict": words.verdict_lines(summary, language),
    }


@cache
def _template() -> Template:
    page = files("servicecircle.outputs").joinpath("start.html.jinja").read_text(encoding="utf-8")
    return Environment(autoescape=True, keep_trailing_newline=True).from_string(page)

"""The scorecard: one row for each criterion the study chose, with its clause, its numbers and its verdicts."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import pandas as pd

from servicecircle.outputs.credits import credit_sources
from servicecircle.outputs.rasters import time_files
from servicecircle.outputs.tables import TABLES
from servicecircle.standards.wording import MISSING_GROUP, clause_text, limit_text, missing_text
from servicecircle.text.text import say

if TYPE_CHECKING:
    from servicecircle.results import CriterionSummary, Results
    from servicecircle.study import Study


#: Columns that stand under the same name in a summary.
SAME = ("state", "facilities", "persons", "units", "target_share", "assumed_target_share", "assumed_verdict")
#: Likewise, but unknown (not 0) where no facility type has data.
COUNTED = (
    *("covered_persons", "later_persons", "unreachable_persons", "unattached_persons", "no_facility_persons"),
    *("share_covered", "units_any", "units_every", "units_short", "knife_edge_persons", "preferred_persons"),
    *("half_access_persons", "share_low", "share_high"),
)


def criteria(results: Results) -> pd.DataFrame:
    """Return one row for each criterion, columns as in ``TABLES["criteria"]``, in the order of the summaries.

    ``uncovered_persons`` is people in units less people covered. ``verdict`` speaks of the share the plan
    prints, ``assumed_verdict`` of the study's own; both stand once as a machine word and once in the
    language of the study. Where a criterion has no data its counts are empty, never 0.
    """
    language = results.study.outputs.language
    same = {"sources_not_stated": sources_not_stated(results.study)}
    files = time_files(results)
    rows = [
        _row(summary, language) | same | {"travel_time_file": files.get(summary.criterion.key, "")}
        for summary in results.summaries
    ]
    return pd.DataFrame(rows, columns=[column.name for column in TABLES["criteria"]], dtype=object)


def sources_not_stated(study: Study) -> str:
    """Return one sentence naming the files without a source or a licence; empty when every file has both."""
    language = study.outputs.language
    files = [PurePath(s.path).name for _, s in credit_sources(study) if not (s.source and s.licence)]
    if not files:
        return ""
    separator = say(language, "tables.list_separator")
    return say(language, "tables.sources_not_stated", files=separator.join(dict.fromkeys(files)))


def _row(summary: CriterionSummary, language: str) -> dict[str, Any]:
    criterion = summary.criterion
    standard = criterion.standard
    computed = summary.state == "computed"
    counted = {name: getattr(summary, name) if computed else None for name in COUNTED}
    if any(code.startswith(MISSING_GROUP) for code in summary.missing):
        # how many people a group has that the study does not give is not known
        counted |= {"persons": None, "units": None}
    return (
        {name: getattr(summary, name) for name in SAME}
        | counted
        | {
            "id": criterion.key,
            "title": standard.title.in_language(language),
            "plan": standard.plan,
            "plan_line": standard.line,
            "quote": standard.quote,
            "clause": clause_text(standard, language),
            "status": standard.status,
            "kind": standard.kind,
            "measure": criterion.measure_key,
            "limit_text": limit_text(criterion, language),
            "group": standard.group,
            "missing": " ".join(summary.missing),
            "missing_text": missing_text(summary.missing, language),
            "uncovered_persons": summary.persons - summary.covered_persons if computed else None,
            "verdict": summary.printed_verdict,
            "verdict_text": say(language, f"tables.word.{summary.printed_verdict}"),
            "assumed_verdict_text": say(language, f"tables.word.{summary.assumed_verdict}"),
            "note": standard.note.in_language(language) if standard.note else "",
        }
    )

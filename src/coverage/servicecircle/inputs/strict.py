"""What stops a run beside what always does: the key ``strict`` of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicecircle.errors import Problem, problem
from servicecircle.inputs.setaside import first_reasons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicecircle.inputs.setaside import SetAside

#: Reasons by which the study itself leaves a row out: it was dealt with.
DEALT_WITH = frozenset({"corrections.removed", "roads.reason.not_a_road"})
#: Reason of a row of the road layer far from the study, which is no fault of a road layer of the whole province.
FAR_ROAD = "inputs.reason.outside"
#: Notices of data that may be wrong, or of people or facilities that are in no result.
SERIOUS = frozenset(
    {
        "inputs.damaged_text",
        "inputs.lost_digits",
        "inputs.layers.lost_digits",
        "inputs.crs_assumed",
        "inputs.outside_service",
        "facilities.unknown_words",
        "population.undeclared",
        "population.saturated",
        "population.unplaced",
        "population.group_unknown",
        "population.group_exceeds",
        "population.group_alone",
        "matching.lost",
        "matching.no_row",
        "matching.other_name",
        "roads.broken_water",
        "roads.lines.crossings_many",
    }
)


def strict_problems(
    strict: str, rows: Sequence[SetAside], notices: Sequence[Problem], roads: str = ""
) -> list[Problem]:
    """Return what a study's ``strict`` refuses.

    Parameters
    ----------
    strict : str
        ``none``: nothing; ``set_aside``: rows and values not used, one problem per file; ``all``: also each notice of
        data that may be wrong.
    rows : sequence of SetAside
        Rows a correction takes out and roads the study says are none do not count, nor do rows of the road layer
        outside the study area and its margin.
    notices : sequence of Problem
    roads : str
        The study's road layer.
    """
    if strict == "none":
        return []
    files: dict[str, list[SetAside]] = {}
    for row in rows:
        far_road = bool(roads) and row.file == roads and row.reason.key == FAR_ROAD
        if row.reason.key not in DEALT_WITH and not far_road:
            files.setdefault(f"{row.file} [{row.layer}]" if row.layer else row.file, []).append(row)
    found = [
        problem("rows.strict_set_aside", file=file, count=len(mine), reasons=first_reasons(mine))
        for file, mine in files.items()
    ]
    if strict == "all":
        found += [problem("rows.strict_notice", notice=one) for one in notices if one.key in SERIOUS]
    return found

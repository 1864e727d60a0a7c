"""Facilities of which it is not known whether they count: what the verdict would be if they did."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.analysis.evaluate import evaluate_rows
from servicecircle.analysis.finding import MET, NOT_MET
from servicecircle.analysis.select import doubtful_for
from servicecircle.analysis.summary import count_people, summarise

if TYPE_CHECKING:
    from servicecircle.analysis.evaluate import CriterionCoverage, ReachCache
    from servicecircle.analysis.summary import CriterionSummary
    from servicecircle.analysis.world import World


def with_doubt(
    world: World, entry: CriterionCoverage, summary: CriterionSummary, cache: ReachCache
) -> CriterionSummary:
    """Return a summary that says how many facilities are doubtful, and whether they could turn a verdict.

    Unknown is not fail: where the requirement is missed but would be met if every doubtful facility counted, its
    verdict is open.
    """
    doubtful = doubtful_for(world.facilities, entry.criterion.standard, world.holdings)
    if entry.state != "computed" or not len(doubtful):
        return summary
    if summary.verdict != NOT_MET:
        return replace(summary, doubtful=len(doubtful))
    rows = np.union1d(entry.facility_rows, doubtful)
    wider = evaluate_rows(world, entry.criterion, rows, cache)
    counted = summarise(world, wider, count_people(world, wider), assumed_target=summary.assumed_target_share)
    return replace(summary, doubtful=len(doubtful), open_verdict=counted.verdict == MET)

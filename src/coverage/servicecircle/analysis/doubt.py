"""Facilities of which it is not known whether they count: what the verdict would be if they did."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.analysis.evaluate import evaluate_rows
from servicecircle.analysis.finding import MET, NOT_MET
from servicecircle.analysis.holdings import NO, UNKNOWN, YES
from servicecircle.analysis.summary import count_people, summarise
from servicecircle.standards.vocabulary import accepts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.analysis.evaluate import CriterionCoverage, ReachCache
    from servicecircle.analysis.summary import CriterionSummary
    from servicecircle.analysis.world import World
    from servicecircle.standards.model import Criterion


def doubtful_rows(world: World, criterion: Criterion) -> NDArray[np.int64]:
    """Return the facilities of the right type that may count: nobody says who owns them, or what they have."""
    frame, standard = world.facilities, criterion.standard
    mask = frame["type"].isin(accepts(standard.types)).to_numpy()
    state = world.holdings.states("facility", list(frame["id"]), standard.needs)
    if standard.ownership:
        owners = frame["ownership"].to_numpy()
        of_owner = np.where(owners == "", UNKNOWN, np.isin(owners, standard.ownership)).astype(np.int8)
        state = np.where((state == NO) | (of_owner == NO), NO, np.where(state == YES, of_owner, UNKNOWN))
    return np.flatnonzero(mask & (state == UNKNOWN)).astype(np.int64)


def with_doubt(
    world: World, entry: CriterionCoverage, summary: CriterionSummary, cache: ReachCache
) -> CriterionSummary:
    """Return a summary that says how many facilities are doubtful, and whether they could turn a verdict.

    Unknown is not fail: where the requirement is missed but would be met if every doubtful facility counted, its
    verdict is open.
    """
    doubtful = doubtful_rows(world, entry.criterion)
    if entry.state != "computed" or not len(doubtful):
        return summary
    if summary.verdict != NOT_MET:
        return replace(summary, doubtful=len(doubtful))
    rows = np.union1d(entry.facility_rows, doubtful)
    wider = evaluate_rows(world, entry.criterion, rows, cache)
    counted = summarise(world, wider, count_people(world, wider), assumed_target=summary.assumed_target_share)
    return replace(summary, doubtful=len(doubtful), open_verdict=counted.verdict == MET)

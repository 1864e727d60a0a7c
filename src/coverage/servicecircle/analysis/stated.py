"""Requirements that are reported, decided by siting, or cannot be had from locations at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicecircle.analysis.bounds import in_bounds
from servicecircle.analysis.finding import MET, NO_TARGET, NOT_MET, Finding, Reading, Verdict, no_data

if TYPE_CHECKING:
    from servicecircle.analysis.bench import Bench
    from servicecircle.standards.kinds import Context, Reported, SitingDecision


def reported(bench: Bench, record: Reported) -> Finding:
    """Compare the value the study reports under the record's id; without one there is no data."""
    value = bench.holdings.area(record.id)
    if value is None:
        return no_data(record, "reported")
    bounded = record.at_least is not None or record.at_most is not None
    verdict: Verdict = NO_TARGET
    if bounded:
        verdict = MET if in_bounds(value, record.at_least, record.at_most) else NOT_MET
    short = None
    if bounded:
        # what is missing to the floor, or what is above the ceiling
        below = 0.0 if record.at_least is None else record.at_least - value
        above = 0.0 if record.at_most is None else value - record.at_most
        short = 0.0 if verdict == MET else max(below, above)
    reading = Reading("value", value, verdict, record.at_least, record.at_most, short)
    return Finding(
        record, "reported", "reported" if not bounded else verdict, record.unit, record.unit, readings=(reading,)
    )


def siting(_bench: Bench, record: SitingDecision) -> Finding:
    """A decision of siting has no value to measure."""
    return no_data(record, "siting")


def context(_bench: Bench, record: Context) -> Finding:
    """Say that nothing can be computed."""
    return Finding(record, "not computable", "not computable")

"""The people ledger: nobody is lost between the file and the last table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicecircle.errors import InternalError, problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicecircle.demand.pieces import Demand

#: Largest gap of a ledger line, relative to its left side.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class LedgerLine:
    """One line of the people ledger; ``gap`` is ``|left - right| / max(left, 1)`` and is at most 1e-9."""

    name: str
    """``window``, ``calibration`` or the key of a criterion."""
    left: float
    right: float
    parts: dict[str, float]
    """The terms of the right side, in order."""
    gap: float


def line(name: str, left: float, parts: dict[str, float]) -> LedgerLine:
    """Build a line from its left side and the terms of its right side."""
    right = math.fsum(parts.values())
    return LedgerLine(name, left, right, parts, abs(left - right) / max(abs(left), 1.0))


def window_line(demand: Demand) -> LedgerLine:
    """Valid cells in the study window = people in units + people outside units."""
    return line(
        "window",
        demand.window_persons,
        {"in_units": math.fsum(demand.piece_persons), "outside_units": demand.outside_persons},
    )


def calibration_line(demand: Demand) -> LedgerLine:
    """Calibrated people = raw people x factor; without a census table the factor is 1 everywhere."""
    inside = math.fsum(demand.piece_persons)
    return line("calibration", inside, {"raw_x_factor_1": inside})


def check(lines: Iterable[LedgerLine]) -> tuple[LedgerLine, ...]:
    """Return the lines if each closes.

    Raises
    ------
    InternalError
        A line does not close to 1e-9: the run writes nothing.
    """
    lines = tuple(lines)
    open_lines = [item for item in lines if not item.gap <= TOLERANCE]
    if open_lines:
        raise InternalError([problem("flow.ledger_open", line=o.name, left=o.left, right=o.right) for o in open_lines])
    return lines

"""The people ledger: nobody is lost between the file and the last table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.errors import InternalError, problem
from servicecircle.geo.sums import exact_sum_by, sum_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicecircle.demand.pieces import Demand

#: Largest gap of a ledger line, relative to its left side.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class LedgerLine:
    """One line of the people ledger; ``gap`` is ``|left - right| / max(left, 1)`` and is at most 1e-9."""

    name: str
    """``window``, ``calibration``, either with the name of a group behind it, or the key of a criterion."""
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
    """Valid cells in the study window = raw people in units + people outside units."""
    made = demand.calibration
    inside = math.fsum(demand.piece_persons) if made is None else made.raw_persons
    return line("window", demand.window_persons, {"in_units": inside, "outside_units": demand.outside_persons})


def calibration_line(demand: Demand) -> LedgerLine:
    """Return the people counted by the census, and raw ones where it counts nobody, against the pieces that are used.

    The left side knows only the census and the raw people; the right side only the pieces every table is made from, and
    the people the census counts where the raster has nobody. Without a census the factor is 1 everywhere: the people
    of the units, one by one, are the people of the pieces.
    """
    made = demand.calibration
    if made is None:
        units = int(demand.piece_unit.max(initial=-1)) + 1
        by_unit = math.fsum(sum_by(demand.piece_unit, demand.piece_persons, units))
        return line("calibration", by_unit, {"raw_x_factor_1": math.fsum(demand.piece_persons)})
    counted = made.counted[demand.piece_unit] >= 0
    parts = {
        "raw_x_factor": math.fsum(demand.piece_persons[counted]),
        "raw_x_factor_1": math.fsum(demand.piece_persons[~counted]),
        "not_placed": made.not_placed,
    }
    return line("calibration", math.fsum([*made.target, made.uncounted_persons]), parts)


def calibration_lines(demand: Demand) -> list[LedgerLine]:
    """Return a line for each town or unit of a census: the people of its pieces = raw people x the stated factor."""
    made = demand.calibration
    if made is None:
        return []
    pieces = exact_sum_by(made.counted[demand.piece_unit], demand.piece_persons, len(made.name))
    product = np.where(np.isnan(made.factor), 0.0, made.raw * made.factor)
    rows = zip(made.name, pieces.tolist(), product.tolist(), strict=True)
    return [line(f"calibration {name}", people, {"raw_x_factor": right}) for name, people, right in rows]


def group_lines(demand: Demand) -> list[LedgerLine]:
    """Return the lines of the groups: of the raw people in the window, and with a census of raw people x factor.

    People of a group in the window = in units + outside units + where, of everybody, nobody lives. The left side of
    a calibration knows only raw people of each count and the stated factors, the right side only the pieces.
    """
    made, lines = demand.calibration, []
    for name, totals in demand.group_totals.items():
        pieces = demand.groups[name]
        parts = {
            "in_units": math.fsum(pieces) if made is None else made.groups[name].raw_persons,
            "outside_units": totals.outside_persons,
            "where_nobody_lives": totals.alone_persons,
        }
        lines.append(line(f"window {name}", totals.window_persons, parts))
        if made is None:
            continue
        raw, counted = made.groups[name], made.counted[demand.piece_unit] >= 0
        scaled = raw.raw * np.nan_to_num(made.factor)
        parts = {
            "raw_x_factor": math.fsum(pieces[counted]),
            "raw_x_factor_1": math.fsum(pieces[~counted]),
        }
        lines.append(line(f"calibration {name}", math.fsum([*scaled, raw.uncounted_persons]), parts))
    return lines


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

"""What facilities, units and the area have, value by value; what no input says is unknown, never zero and never no."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from servicecircle.standards.vocabulary import assets, is_attribute

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from servicecircle.standards.model import Need

YES, NO, UNKNOWN = 1, 0, -1


@dataclass(frozen=True)
class Holdings:
    """The asset table, looked up.

    Attributes
    ----------
    frame : DataFrame
        ``ASSETS`` of :mod:`servicecircle.inputs.tables`. Of several years the latest counts; a value without a year is
        older than any with one.
    """

    frame: pd.DataFrame

    @cached_property
    def _latest(self) -> dict[tuple[str, str], dict[str, float]]:
        found: dict[tuple[str, str], dict[str, float]] = {}
        ordered = self.frame.sort_values("year", kind="stable")
        columns = (ordered[name] for name in ("of", "asset", "target_id", "value"))
        for of, asset, target, value in zip(*columns, strict=True):
            found.setdefault((of, asset), {})[target] = float(value)
        return found

    def values(self, of: str, ids: Iterable[str], asset: str) -> NDArray[np.float64]:
        """Return one value for each id, NaN where it is unknown."""
        known = self._latest.get((of, asset), {})
        return np.array([known.get(one, math.nan) for one in ids], dtype=np.float64)

    def area(self, asset: str) -> float | None:
        """Return the value of the whole area, None where no input gives it."""
        return self._latest.get(("area", asset), {}).get("")

    def states(self, of: str, ids: Sequence[str], needs: Iterable[Need]) -> NDArray[np.int8]:
        """Return whether each id meets all needs: ``YES``, ``NO``, or ``UNKNOWN`` where that cannot be told."""
        state = np.full(len(ids), YES, dtype=np.int8)
        for need in needs:
            one = self._state(of, ids, need)
            state = np.where((state == NO) | (one == NO), NO, np.minimum(state, one)).astype(np.int8)
        return state

    def _state(self, of: str, ids: Sequence[str], need: Need) -> NDArray[np.int8]:
        value = self.values(of, ids, need.has)
        if need.share_of:
            whole = self.values(of, ids, need.share_of)
            with np.errstate(invalid="ignore", divide="ignore"):
                value = np.where(whole > 0, value / whole, np.nan)
        low, high, allowed = _bounds(need)
        with np.errstate(invalid="ignore"):
            met = np.isin(value, allowed) if need.one_of else (value >= low) & (value <= high)
        return np.where(np.isnan(value), UNKNOWN, met).astype(np.int8)


def _bounds(need: Need) -> tuple[float, float, list[float]]:
    """Return floor, ceiling and the allowed values of a need, as numbers."""
    places = {value.code: float(place) for place, value in enumerate(assets()[need.has].values)}
    high = math.inf if need.at_most is None else need.at_most
    if isinstance(need.at_least, str):
        return places[need.at_least], high, []
    if need.at_least is not None:
        return need.at_least, high, []
    # a yes/no attribute must be yes and a number at least 1, unless only a ceiling is asked for
    low = -math.inf if need.at_most is not None and not is_attribute(need.has) else 1.0
    return low, high, [places[code] for code in need.one_of]

"""People-weighted statistics of whole numbers, per unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from servicecircle.analysis.cover import at_least

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def lower_quantiles(
    shares: Sequence[float],
    unit: NDArray[np.int64],
    value: NDArray[np.int64],
    known: NDArray[np.bool_],
    persons: NDArray[np.float64],
    units: int,
) -> list[NDArray[np.float64]]:
    """Return, per share q and unit, the smallest value at which at least q of the unit's people are reached.

    Pieces whose value is not known come last; where the q-th person is one of them, or nobody lives, the
    result is NaN. Each unit is summed on its own, so that its result depends on nobody else's people.
    """
    lived = persons > 0
    unit, value, known, persons = unit[lived], value[lived], known[lived], persons[lived]
    order = np.lexsort((value, ~known, unit))
    unit, value, known, persons = unit[order], value[order], known[order], persons[order]
    results = [np.full(units, np.nan) for _ in shares]
    if len(unit) == 0:
        return results
    start = np.flatnonzero(np.concatenate(([True], np.diff(unit) != 0)))
    for first, last in zip(start, np.append(start[1:], len(unit)), strict=True):
        running = np.cumsum(persons[first:last])
        for q, result in zip(shares, results, strict=True):
            row = first + int(np.argmax(at_least(running, q * running[-1])))
            result[unit[first]] = value[row] if known[row] else np.nan
    return results


def most_people(
    unit: NDArray[np.int64], choice: NDArray[np.int64], persons: NDArray[np.float64], units: int
) -> NDArray[np.int64]:
    """Return, per unit, the choice most of its people have (-1: none); of equals the smaller.

    Negative choices do not count.
    """
    result = np.full(units, -1, dtype=np.int64)
    counted = (choice >= 0) & (persons > 0)
    if not counted.any():
        return result
    width = int(choice.max()) + 1
    pairs, index = np.unique(unit[counted] * width + choice[counted], return_inverse=True)
    people = np.bincount(index, weights=persons[counted])
    # a hair of people is no majority: equal sums in two orders must not decide
    order = np.lexsort((pairs % width, -np.round(people / people.max(), 12), pairs // width))
    owner, first = np.unique(pairs[order] // width, return_index=True)
    result[owner] = pairs[order[first]] % width
    return result

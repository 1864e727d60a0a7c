"""People-weighted statistics of whole numbers, per unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def lower_quantile(
    q: float,
    unit: NDArray[np.int64],
    value: NDArray[np.int64],
    known: NDArray[np.bool_],
    persons: NDArray[np.float64],
    units: int,
) -> NDArray[np.float64]:
    """Return, per unit, the smallest value at which at least the share ``q`` of its people is reached.

    Pieces whose value is not known come last; where the q-th person is one of them, or nobody lives, the
    result is NaN.
    """
    lived = persons > 0
    unit, value, known, persons = unit[lived], value[lived], known[lived], persons[lived]
    order = np.lexsort((value, ~known, unit))
    unit, value, known, persons = unit[order], value[order], known[order], persons[order]
    result = np.full(units, np.nan)
    if len(unit) == 0:
        return result
    first = np.flatnonzero(np.concatenate(([True], np.diff(unit) != 0)))
    total = np.add.reduceat(persons, first)
    running = np.cumsum(persons)
    before = np.concatenate(([0.0], running))[first]
    size = np.diff(np.concatenate((first, [len(unit)])))
    so_far = running - np.repeat(before, size)
    # a hair below the exact share: sums of the same people in two orders may differ in the last bit
    enough = np.flatnonzero(so_far >= np.repeat(q * total, size) * (1 - 1e-12))
    owner, at = np.unique(unit[enough], return_index=True)
    rows = enough[at]
    result[owner] = np.where(known[rows], value[rows], np.nan)
    return result


def most_people(
    unit: NDArray[np.int64], choice: NDArray[np.int64], persons: NDArray[np.float64], units: int
) -> NDArray[np.int64]:
    """Return, per unit, the choice most of its people have (-1: none); of equals the smaller.

    Negative choices do not count.
    """
    result = np.full(units, -1, dtype=np.int64)
    counted = (choice >= 0) & (persons > 0)
    pairs, index = np.unique(np.column_stack((unit[counted], choice[counted])), axis=0, return_inverse=True)
    if len(pairs) == 0:
        return result
    people = np.bincount(index.reshape(-1), weights=persons[counted])
    order = np.lexsort((pairs[:, 1], -people, pairs[:, 0]))
    owner, first = np.unique(pairs[order, 0], return_index=True)
    result[owner] = pairs[order[first], 1]
    return result

"""When a criterion holds: the one place with ``<=`` in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from servicecircle.travel.reach import State

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.travel.reach import Reach


def covered(reach: Reach, limit: int) -> NDArray[np.bool_]:
    """Return, per demand point, whether the value is at most the limit (whole milliseconds or millimetres).

    A value equal to the limit holds; a point without a value does not.
    """
    return np.asarray((reach.state == State.REACHED) & (reach.value <= limit))


def within(reach: Reach, limit: int, half: int) -> NDArray[np.bool_]:
    """Return which points lie on the knife-edge: reached, at most ``half`` from the limit on either side."""
    near = np.abs(reach.value.astype(np.int64) - limit) <= half
    return np.asarray((reach.state == State.REACHED) & near)

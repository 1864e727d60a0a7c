"""When a criterion holds: the one place with ``<=`` in it, and with ``>=`` for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

import numpy as np

from servicecircle.travel.reach import State

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.travel.reach import Reach


#: Sums of the same people in two orders differ in the last bits: less than this share is no difference.
SAME_PEOPLE = 1e-9


@overload
def at_least(people: float, floor: float) -> bool: ...
@overload
def at_least(people: NDArray[np.float64], floor: NDArray[np.float64] | float) -> NDArray[np.bool_]: ...
def at_least(people: NDArray[np.float64] | float, floor: NDArray[np.float64] | float) -> NDArray[np.bool_] | bool:
    """Return whether people (or a share of them) reach a floor; exactly the floor does, up to the noise of sums."""
    result = np.asarray(people) >= np.asarray(floor) * (1 - SAME_PEOPLE)
    return result if result.ndim else bool(result)


def holds(value: NDArray[np.int64], limit: int) -> NDArray[np.bool_]:
    """Return whether whole milliseconds or millimetres are at most a limit; a value equal to it holds."""
    return value <= limit


def enough(count: NDArray[np.int64], limit: int) -> NDArray[np.bool_]:
    """Return whether a unit holds at least as many facilities as asked."""
    return count >= limit


def covered(reach: Reach, limit: int) -> NDArray[np.bool_]:
    """Return, per demand point, whether the value is at most the limit (whole milliseconds or millimetres).

    A value equal to the limit holds; a point without a value does not.
    """
    return np.asarray((reach.state == State.REACHED) & holds(reach.value.astype(np.int64), limit))


def within(reach: Reach, limit: int, half: int) -> NDArray[np.bool_]:
    """Return which points lie on the knife-edge: reached, at most ``half`` from the limit on either side."""
    near = np.abs(reach.value.astype(np.int64) - limit) <= half
    return np.asarray((reach.state == State.REACHED) & near)

"""Evaluate criteria on a world: reaches (shared by key), coverage per piece of people, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.analysis.cover import covered, enough, within
from servicecircle.analysis.presence import facilities_per_unit
from servicecircle.analysis.select import missing_group, missing_inputs
from servicecircle.travel.reach import Reach, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from servicecircle.analysis.presence import Presence
    from servicecircle.analysis.world import World
    from servicecircle.standards.model import Criterion

ReachKey = tuple[str, str, str, bytes]


@dataclass(frozen=True)
class CriterionCoverage:
    """One criterion over all pieces of people.

    Attributes
    ----------
    state : str
        ``computed``, or ``no data`` where no input holds what is asked for.
    facility_rows : int64 array
        Facilities that count, ascending.
    reach : Reach or None
        None for presence and for ``no data``.
    applies : bool array (units,)
    piece_covered : bool array (pieces,)
        False for pieces in units the criterion does not apply to.
    piece_state : int8 array (pieces,)
        A ``travel.reach.State`` per piece; for presence ``REACHED`` or ``NO_FACILITY``.
    knife_edge : bool array (pieces,) or None
        None: not applicable (people at points, or presence).
    presence : Presence or None
        What was counted in which units (presence).
    missing : tuple of str
        Facility types, attributes, ``ownership`` or ``group:NAME`` that no input holds (``no data``); ``units`` where
        it applies to none.
    """

    criterion: Criterion
    state: str
    facility_rows: NDArray[np.int64]
    reach: Reach | None
    applies: NDArray[np.bool_]
    piece_covered: NDArray[np.bool_]
    piece_state: NDArray[np.int8]
    knife_edge: NDArray[np.bool_] | None = None
    presence: Presence | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Coverage:
    """What ``evaluate`` returns: one entry per criterion, in the order asked."""

    criteria: tuple[CriterionCoverage, ...]

    def __getitem__(self, key: str) -> CriterionCoverage:
        """Return the entry of a criterion key.

        Raises
        ------
        KeyError
            No such criterion was evaluated.
        """
        for entry in self.criteria:
            if entry.criterion.key == key:
                return entry
        raise KeyError(key)

    def covered_persons(self, world: World, key: str) -> float:
        """Return the people (of the criterion's group, if it has one) of all units for whom it holds."""
        entry = self[key]
        return float(world.people(entry.criterion)[entry.piece_covered].sum())


class ReachCache:
    """Reaches by key (facilities, mode, direction, measure), each searched once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._found: dict[ReachKey, Reach] = {}

    def known(self, rows: NDArray[np.int64], measure: str, mode: str, direction: str) -> Reach | None:
        """Return a reach that was searched already; None where it was not."""
        return self._found.get(self._key(rows, measure, mode, direction))

    @staticmethod
    def _key(rows: NDArray[np.int64], measure: str, mode: str, direction: str) -> ReachKey:
        return (measure, mode, "" if measure == "straight" else direction, rows.tobytes())

    def get(self, rows: NDArray[np.int64], criterion: Criterion) -> Reach:
        """Return the reach a criterion is judged by."""
        return self.by(rows, criterion.measure, criterion.mode, criterion.standard.direction)

    def by(self, rows: NDArray[np.int64], measure: str, mode: str, direction: str) -> Reach:
        """Return the reach to the nearest of some facilities by ``time``, ``road`` or ``straight``."""
        key = self._key(rows, measure, mode, direction)
        if key not in self._found:
            self._found[key] = self._searched(rows, measure, mode, direction)
        return self._found[key]

    def _searched(self, rows: NDArray[np.int64], measure: str, mode: str, direction: str) -> Reach:
        if measure == "straight":
            return self._world.straight_reach(rows)
        return self._world.reach(rows, mode, direction, measure)  # type: ignore[arg-type]


def evaluate(world: World, criteria: Iterable[Criterion], *, cache: ReachCache | None = None) -> Coverage:
    """Judge every criterion on a world. Pure: the same world and criteria give the same coverage."""
    cache = cache or ReachCache(world)
    return Coverage(
        tuple(evaluate_rows(world, criterion, world.facility_rows(criterion), cache) for criterion in criteria)
    )


def evaluate_rows(world: World, criterion: Criterion, rows: NDArray[np.int64], cache: ReachCache) -> CriterionCoverage:
    """Judge one criterion by some facilities (rows of ``world.facilities``, ascending)."""
    applies = world.applies(criterion)
    of_piece = applies[world.demand.piece_unit]
    presence = facilities_per_unit(world, criterion, rows) if criterion.measure == "presence" else None
    applies = applies if presence is None else presence.applies
    missing = missing_inputs(world.known, criterion.standard, world.holdings)
    missing += missing_group(world.demand.groups, criterion.standard)
    missing = missing or (() if applies.any() else ("units",))
    if missing:
        nothing = np.zeros(len(of_piece), dtype=bool)
        state = np.full(len(of_piece), State.NO_FACILITY, dtype=np.int8)
        return CriterionCoverage(criterion, "no data", rows, None, applies, nothing, state, missing=missing)
    if presence is not None:
        held = enough(presence.count, criterion.limit)
        state = np.where(held, State.REACHED, State.NO_FACILITY)[world.demand.piece_unit].astype(np.int8)
        piece_covered = (held & applies)[world.demand.piece_unit]
        return CriterionCoverage(criterion, "computed", rows, None, applies, piece_covered, state, presence=presence)
    reach = cache.get(rows, criterion)
    point = world.demand.piece_point
    holds = covered(reach, criterion.limit)
    edge = None
    if world.demand.half_m is not None:
        edge = within(reach, criterion.limit, knife_edge_half(world, criterion))[point] & of_piece
    return CriterionCoverage(
        criterion, "computed", rows, reach, applies, holds[point] & of_piece, reach.state[point], edge
    )


def knife_edge_half(world: World, criterion: Criterion) -> int:
    """Return half a sub-cell in the criterion's unit: millimetres, or milliseconds at the mode's speed."""
    half_mm = (world.demand.half_m or 0.0) * 1000
    if criterion.measure != "time":
        return round(half_mm)
    return round(half_mm * 3.6 / world.modes[criterion.mode].reference_kmh)

"""Scale people to a census: calibrated = raw x factor, one factor per town or unit, both kept.

A cell cut by a border is shared by area fraction, so what is scaled is a piece - the part of a point that lives in one
unit - and never a cell. Units the census does not name keep their people (factor 1). Groups of people are scaled by
the factors of everybody: the census says nothing of them, and their shares of the people stay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.geo.sums import exact_sum_by, sum_by
from servicecircle.inputs.problems import some

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from servicecircle.demand.pieces import Demand
    from servicecircle.inputs.counts import UnitCounts

#: Larger factors, and smaller than their inverse, are told.
EXTREME = 3.0
#: Fewer raw people than this are nobody: a factor of a million and more says nothing of where people live.
NOBODY = 1e-6
#: Largest share of the counted people that may live where the raster has nobody; exactly this share is tolerated.
MOST_NOT_PLACED = 0.01


@dataclass(frozen=True)
class CalibratedGroup:
    """Raw people of a group: by count (float64 array (counted,)), of all units, and of the units without a count."""

    raw: NDArray[np.float64]
    raw_persons: float
    uncounted_persons: float


@dataclass(frozen=True)
class Calibrated:
    """What a calibration did.

    Attributes
    ----------
    file : str
        Table or census, as messages name it.
    name : tuple of str (counted,)
        Town or unit of each count.
    raw, target, factor : float64 arrays (counted,)
        People of the raster or points, people of the census, and target / raw: NaN where the census counts people
        and the raster has nobody, 1 where both have nobody.
    counted : int64 array (units,)
        Count that includes each unit, -1 without one.
    raw_persons, uncounted_persons : float
        Raw people of all units; of the units without a count, which keep them.
    groups : mapping of str to CalibratedGroup
    """

    file: str
    name: tuple[str, ...]
    raw: NDArray[np.float64]
    target: NDArray[np.float64]
    factor: NDArray[np.float64]
    counted: NDArray[np.int64]
    raw_persons: float
    uncounted_persons: float
    groups: Mapping[str, CalibratedGroup] = field(default_factory=dict)

    @property
    def not_placed(self) -> float:
        """People the census counts where the raster has nobody: they stand nowhere and are in no table."""
        return math.fsum(self.target[np.isnan(self.factor)])


def calibrate(demand: Demand, counts: UnitCounts, unit_ids: Sequence[str]) -> Demand:
    """Return the demand with the people of each town or unit scaled to its count.

    Parameters
    ----------
    demand : Demand
        Raw people.
    counts : UnitCounts
    unit_ids : sequence of str (units,)
        Identifiers of the units, in their order.

    Returns
    -------
    Demand
        Pieces that nobody is left in are gone; ``window_persons`` and ``outside_persons`` stay raw.

    Raises
    ------
    StudyError
        More than 1 % of the counted people live where the raster has nobody, or nobody is left.
    """
    counted = np.array([counts.counted.get(str(one), -1) for one in unit_ids], dtype=np.int64)
    piece_counted = counted[demand.piece_unit]
    raw = exact_sum_by(piece_counted, demand.piece_persons, len(counts.name))
    target = counts.persons.astype(np.float64)
    # people without a cell to stand on have no factor
    factor = np.where(target > 0, np.nan, np.where(raw > 0, 0.0, 1.0))
    np.divide(target, raw, out=factor, where=raw >= NOBODY)
    made = Calibrated(
        file=counts.file,
        name=counts.name,
        raw=raw,
        target=target,
        factor=factor,
        counted=counted,
        raw_persons=math.fsum(demand.piece_persons),
        uncounted_persons=math.fsum(demand.piece_persons[piece_counted < 0]),
        groups={
            name: CalibratedGroup(
                exact_sum_by(piece_counted, people, len(counts.name)),
                math.fsum(people),
                math.fsum(people[piece_counted < 0]),
            )
            for name, people in demand.groups.items()
        },
    )
    if made.not_placed > MOST_NOT_PLACED * math.fsum(target):
        raise StudyError(problem("calibrate.most_not_placed", **_not_placed(made), most=f"{MOST_NOT_PLACED:.0%}"))
    # the last place is the factor 1 of pieces without a count (-1)
    of_piece = np.append(np.nan_to_num(factor), 1.0)[piece_counted]
    persons = demand.piece_persons * of_piece
    if not persons.any():
        raise StudyError(problem("flow.nobody_in_units", file=counts.file))
    lived = persons > 0
    outside = np.maximum(demand.persons - demand.inside_persons(), 0.0)
    return replace(
        demand,
        persons=outside + sum_by(demand.piece_point, persons, demand.points),
        piece_point=demand.piece_point[lived],
        piece_unit=demand.piece_unit[lived],
        piece_persons=persons[lived],
        calibration=made,
        groups={name: (people * of_piece)[lived] for name, people in demand.groups.items()},
    )


def _not_placed(made: Calibrated) -> dict[str, str]:
    names = [made.name[k] for k in np.flatnonzero(np.isnan(made.factor))]
    people = {"persons": f"{made.not_placed:,.0f}", "all": f"{math.fsum(made.target):,.0f}"}
    return {"file": made.file, "names": some(names)} | people


def calibration_notices(made: Calibrated, unit_names: Sequence[str]) -> tuple[Problem, ...]:
    """Return what the reader must know of a calibration.

    Parameters
    ----------
    made : Calibrated
    unit_names : sequence of str (units,)
        Names of the units, in their order.
    """
    scaled = {"raw": f"{math.fsum(made.raw):,.0f}", "target": f"{math.fsum(made.target):,.0f}"}
    notices = [problem("calibrate.done", file=made.file, count=len(made.name), **scaled)]
    if made.groups:
        notices.append(problem("calibrate.groups", file=made.file, groups=some(made.groups)))
    if made.not_placed > 0:
        notices.append(problem("calibrate.not_placed", **_not_placed(made)))
    extreme = np.flatnonzero((made.factor > EXTREME) | (made.factor < 1 / EXTREME))
    if len(extreme):
        names = some(f"{made.name[k]} ({made.factor[k]:.3g})" for k in extreme)
        limits = {"most": f"{EXTREME:g}", "least": f"1/{EXTREME:g}"}
        notices.append(problem("calibrate.extreme", file=made.file, count=len(extreme), names=names, **limits))
    without = np.flatnonzero(made.counted < 0)
    if len(without):
        persons, names = f"{made.uncounted_persons:,.0f}", some(str(unit_names[int(k)]) for k in without)
        notices.append(problem("calibrate.uncounted", file=made.file, count=len(without), persons=persons, names=names))
    return tuple(notices)


def calibration_record(made: Calibrated | None) -> dict[str, object] | None:
    """Return what ``run.json`` holds of a calibration: raw people, target and factor of every count."""
    if made is None:
        return None
    rows = zip(made.name, made.raw.tolist(), made.target.tolist(), made.factor.tolist(), strict=True)
    return {
        "file": made.file,
        "not_placed_persons": made.not_placed,
        "uncounted_persons": made.uncounted_persons,
        "counts": [
            {"name": name, "raw_persons": raw, "target_persons": target, "factor": factor}
            for name, raw, target, factor in rows
        ],
        "groups": {
            name: {"raw_persons": group.raw.tolist(), "uncounted_persons": group.uncounted_persons}
            for name, group in made.groups.items()
        },
    }

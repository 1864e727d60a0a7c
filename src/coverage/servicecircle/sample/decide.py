"""No verdict by a hair: people are moved until a tenth more or less of any limit changes no unit's verdict.

The reach of every criterion to every cell people may live in is measured once on a draft of the county. Where a unit is
short at one of 0.9, 1 and 1.1 times a limit and not at another, the cells in between are emptied for good and the
unit's people spread over the others; what that changes is looked at again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.geo.sums import sum_by
from servicecircle.sample.people import DENSEST, Cells, Spread, spread
from servicecircle.travel.reach import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from servicecircle.analysis.evaluate import ReachCache
    from servicecircle.analysis.world import World
    from servicecircle.sample.settle import Places
    from servicecircle.standards.model import Criterion
    from servicecircle.study import Gap

#: Limits tried, a little wider than a tenth.
FACTORS = (0.89, 1.0, 1.11)
#: A near miss holds at the limit and not at this share of it.
NEAR_MISS = 0.8
#: Rounds of moving people about; after some of them, villages that stay unclear are left by all but a few people.
ROUNDS, PATIENCE = 16, 8
FEW = 3
#: A set of regional sites is good when no unit has more than this share of its cells in between.
TOLERABLE = 0.5
#: Most sites of one regional service, and sets of them looked at for each size.
MOST_SITES = 6
SETS_OF_A_SIZE = 60


@dataclass(frozen=True)
class Measured:
    """One criterion on the draft: value over limit of every demand point (inf where there is none)."""

    criterion: Criterion
    ratio: NDArray[np.float64]
    applies: NDArray[np.bool_]


@dataclass(frozen=True)
class Draft:
    """The draft's points in terms of cells: ``cell_of`` gives each point's row of ``Cells``, ``share`` its part."""

    cell_of: NDArray[np.int64]
    share: NDArray[np.float64]


def draft_of(world: World, cells: Cells) -> Draft:
    """Return which cell each demand point of the draft belongs to."""
    row = np.full(cells.grid.shape[0] * cells.grid.shape[1], -1, dtype=np.int64)
    row[cells.index] = np.arange(len(cells.index))
    of_point = row[world.demand.cell]
    return Draft(of_point, 1.0 / np.bincount(of_point, minlength=len(cells.index))[of_point])


def measure(
    world: World,
    cache: ReachCache,
    criteria: Iterable[Criterion],
    there: NDArray[np.int64],
    unit_of_place: NDArray[np.int64],
) -> list[Measured]:
    """Return value over limit of all criteria that measure a way, to the facilities that are there (world rows)."""
    return [
        Measured(
            c,
            ratio_of(cache, c, np.intersect1d(world.facility_rows(c), there)),
            world.applies(c)[unit_of_place],
        )
        for c in criteria
        if c.measure != "presence"
    ]


def ratio_of(cache: ReachCache, criterion: Criterion, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return value over limit of every demand point to the nearest of some facilities."""
    reach = cache.get(rows, criterion)
    return np.where(reach.state == State.REACHED, reach.value / criterion.limit, np.inf)


def choose_sites(
    by_site: dict[int, list[Measured]],
    base: list[Measured],
    cells: Cells,
    draft: Draft,
    rng: np.random.Generator,
) -> tuple[int, ...]:
    """Return the settlements whose health centres also serve the region.

    Sets of two to six sites are tried, smaller ones first, a few dozen of each size; the first whose values leave no
    unit in between is taken; where there is none, the one that leaves fewest.

    Parameters
    ----------
    by_site : dict
        The criteria of the service from each site alone.
    base : list of Measured
        The same criteria from the facilities that exist anyway.
    """
    best: tuple[float, tuple[int, ...]] = (np.inf, ())
    known = sorted(by_site)
    for size in range(min(2, len(known)), min(MOST_SITES, len(known)) + 1):
        for chosen in _some_sets(known, size, rng):
            together = nearest_of(base, [by_site[k] for k in chosen])
            worst = sum(_in_between(m, cells, draft) for m in together)
            if worst < best[0]:
                best = worst, chosen
        if best[0] == 0:
            break
    return best[1]


def _some_sets(known: list[int], size: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Return every set of a size, or a drawn few where there are many."""
    if math.comb(len(known), size) <= SETS_OF_A_SIZE:
        return list(combinations(known, size))
    drawn = [tuple(sorted(rng.choice(known, size, replace=False).tolist())) for _ in range(SETS_OF_A_SIZE)]
    return list(dict.fromkeys(drawn))


def nearest_of(base: list[Measured], more: list[list[Measured]]) -> list[Measured]:
    """Return criteria measured to the nearest of several sets of facilities."""
    return [
        Measured(m.criterion, np.min([m.ratio, *(other[k].ratio for other in more)], axis=0), m.applies)
        for k, m in enumerate(base)
    ]


def _in_between(m: Measured, cells: Cells, draft: Draft) -> float:
    """Return how much of the units that have too many of their cells between 0.9 and 1.1 of the limit lies there."""
    near = _near(m, draft, len(cells.index))
    places = len(cells.wanted)
    share = np.bincount(cells.place[near], minlength=places) / np.maximum(np.bincount(cells.place, minlength=places), 1)
    return float(share[(share > TOLERABLE) & m.applies].sum())


def _near(m: Measured, draft: Draft, cells: int) -> NDArray[np.bool_]:
    point = (m.ratio >= FACTORS[0]) & (m.ratio <= FACTORS[2])
    result = np.zeros(cells, dtype=bool)
    result[draft.cell_of[point]] = True
    return result


def near_misses(
    places: Places, measured: list[Measured], persons: NDArray[np.float64], cells: Cells, draft: Draft, gap: Gap
) -> list[tuple[Criterion, int]]:
    """Return criteria and settlements that just hold: short at 0.8 of the limit, not at all of it."""
    residents = np.bincount(cells.place, weights=persons, minlength=places.count)
    at_point = persons[draft.cell_of] * draft.share
    place = cells.place[draft.cell_of]
    found = []
    for m in measured:
        tight, full = (
            _short(sum_by(place, at_point * (m.ratio > factor), places.count), residents, gap, 1.0)
            for factor in (NEAR_MISS, 1.0)
        )
        found += [(m.criterion, int(k)) for k in np.flatnonzero(m.applies & tight & ~full)]
    return found


@dataclass(frozen=True)
class Settled:
    """People after all verdicts are clear.

    Attributes
    ----------
    persons : float64 array (cells,)
    residents : int64 array (places,)
        People of each settlement: a committee with too few cells left hands people on to others.
    unclear : tuple of (Criterion, int)
        Criterion and settlement that no move of people could make clear.
    """

    persons: NDArray[np.float64]
    residents: NDArray[np.int64]
    unclear: tuple[tuple[Criterion, int], ...]


def settle_people(
    places: Places,
    cells: Cells,
    residents: NDArray[np.int64],
    measured: list[Measured],
    draft: Draft,
    gap: Gap,
    *,
    may_empty: NDArray[np.bool_],
) -> Settled:
    """Spread people over cells so that every unit's verdict is clear by a tenth of each limit.

    Parameters
    ----------
    may_empty : bool array (places,)
        Villages that may be left by all but a few people when nothing else makes their verdicts clear: so few people
        make no unit short.
    """
    barred = np.zeros(len(cells.index), dtype=bool)
    settled: Spread | None = None
    persons = np.zeros(len(cells.index))
    unclear: list[tuple[Criterion, int]] = []
    for turn in range(ROUNDS):
        used = _used(cells, barred, residents)
        residents = _housed(places, cells, residents, used)
        settled = spread(places, cells, residents, used, settled)
        persons = settled.persons
        unclear = []
        for m in measured:
            wavering = _wavering(m, persons, cells, draft, residents, gap)
            unclear += [(m.criterion, int(k)) for k in np.flatnonzero(wavering)]
            barred |= _to_empty(m, cells, draft, persons, wavering)
        if not unclear:
            break
        if turn >= PATIENCE:
            left = np.isin(np.arange(places.count), [k for _, k in unclear]) & may_empty & (residents > FEW)
            residents = _left_by_most(places, residents, left)
    return Settled(persons, residents, tuple(unclear))


def _left_by_most(places: Places, residents: NDArray[np.int64], left: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return residents after all but a few people of some villages have moved to the largest committee."""
    result = np.where(left, FEW, residents)
    town = np.flatnonzero(places.kind != "village")
    result[town[np.argmax(residents[town])]] += residents.sum() - result.sum()
    return np.asarray(result)


def _housed(places: Places, cells: Cells, residents: NDArray[np.int64], used: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return residents after committees with too few cells have handed people on to those with room."""
    town = places.kind != "village"
    room = np.floor(np.bincount(cells.place[used], minlength=places.count) * DENSEST * 0.9).astype(np.int64)
    over = np.where(town, np.maximum(residents - room, 0), 0)
    free = np.where(town, np.maximum(room - residents, 0), 0)
    moving = min(int(over.sum()), int(free.sum()))
    if moving == 0:
        return residents
    gains = np.floor(free * (moving / free.sum())).astype(np.int64)
    losses = np.floor(over * (moving / over.sum())).astype(np.int64)
    gains[np.argmax(free)] += losses.sum() - gains.sum()
    return np.asarray(residents - losses + gains)


def _to_empty(
    m: Measured, cells: Cells, draft: Draft, persons: NDArray[np.float64], wavering: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return the cells to empty: those in between; where none is, a part of the uncovered ones.

    The second is for units that are short, or not, by a few people whatever the limit.
    """
    near = _near(m, draft, len(cells.index)) & wavering[cells.place]
    lived = near & (persons > 0)
    settled = wavering & (np.bincount(cells.place[lived], minlength=len(wavering)) == 0)
    beyond = np.zeros(len(cells.index), dtype=bool)
    beyond[draft.cell_of[m.ratio > FACTORS[2]]] = True
    beyond &= (persons > 0) & settled[cells.place]
    row = np.flatnonzero(beyond)
    return near | np.isin(np.arange(len(beyond)), row[::3])


def _used(cells: Cells, barred: NDArray[np.bool_], residents: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the best cells of each settlement that are not barred; a settlement with none keeps its first ones."""
    free = ~barred
    order = np.cumsum(free)
    start = np.searchsorted(cells.place, np.arange(len(cells.wanted)))
    before = np.concatenate(([0], order))[start]
    rank = order - 1 - before[cells.place]
    wanted = np.minimum(cells.wanted, np.maximum(residents // FEW, 1))
    used = free & (rank < wanted[cells.place])
    empty = np.bincount(cells.place[used], minlength=len(cells.wanted)) < np.minimum(8, wanted)
    return used | ((cells.rank() < wanted[cells.place]) & empty[cells.place])


def _wavering(
    m: Measured,
    persons: NDArray[np.float64],
    cells: Cells,
    draft: Draft,
    residents: NDArray[np.int64],
    gap: Gap,
) -> NDArray[np.bool_]:
    """Return the settlements that are short at one of the three limits and not at another."""
    at_point = persons[draft.cell_of] * draft.share
    place = cells.place[draft.cell_of]
    verdicts = [
        # floors are widened too: a unit must not be short by a person
        _short(sum_by(place, at_point * (m.ratio > factor), len(residents)), residents, gap, wider)
        for factor in FACTORS
        for wider in (0.93, 1.07)
    ]
    return np.asarray(m.applies & np.any([v != verdicts[0] for v in verdicts], axis=0))


def _short(
    missing: NDArray[np.float64], residents: NDArray[np.float64] | NDArray[np.int64], gap: Gap, wider: float
) -> NDArray[np.bool_]:
    """Return which settlements are short (design section 7), with floors times ``wider``."""
    many = (missing >= gap.min_persons * wider) & (missing >= gap.min_share * wider * residents)
    half = (missing >= gap.half_share * wider * residents) & (missing >= gap.half_persons * wider)
    return np.asarray(many | half)

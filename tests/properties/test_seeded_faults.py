"""Are the checks awake? Faults are seeded in the core, one at a time, and some property must notice (deep run only).

Each fault is a small change of what a function of the package returns or of a function it calls: the sort of slip a
change may bring. ``test_the_checks_notice`` lists the survivors; at least 95 % must be noticed.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings

from servicecircle.analysis import build, cover, evaluate, summary
from servicecircle.demand import pieces
from servicecircle.geo import crossings
from servicecircle.travel import doors, network, reach, straight
from tests.travel_fixtures import deep

from . import test_by_hand, test_other_programs, test_people, test_space, test_travel

Patch = pytest.MonkeyPatch
Fault = Callable[[Patch], None]
FAULTS: dict[str, Fault] = {}


def fault(function: Fault) -> Fault:
    FAULTS[function.__name__] = function
    return function


def after(patch: Patch, owner: Any, name: str, change: Callable[..., Any]) -> None:
    """Let ``change`` see what a function returns, and return something else."""
    original = getattr(owner, name)

    def changed(*args: Any, **kwargs: Any) -> Any:
        return change(original(*args, **kwargs))

    patch.setattr(owner, name, changed)


@fault
def less_than_for_at_most(patch: Patch) -> None:
    patch.setattr(cover, "holds", lambda value, limit: value < limit)


@fault
def unreached_is_covered(patch: Patch) -> None:
    patch.setattr(evaluate, "covered", lambda found, limit: found.value.astype(np.int64) * (found.state == 0) <= limit)


@fault
def more_than_for_at_least(patch: Patch) -> None:
    patch.setattr(summary, "at_least", lambda people, floor: np.asarray(people) > np.asarray(floor))


@fault
def one_facility_too_few_is_enough(patch: Patch) -> None:
    patch.setattr(evaluate, "enough", lambda count, limit: count >= limit - 1)


@fault
def reverse_edges_forgotten(patch: Patch) -> None:
    after(patch, network, "_mode_edges", lambda made: replace(made, backward=np.zeros_like(made.backward)))


@fault
def one_way_signs_ignored(patch: Patch) -> None:
    def open_both(made: Any) -> Any:
        usable = made.forward | made.backward
        return replace(made, forward=usable, backward=usable)

    after(patch, network, "_mode_edges", open_both)


@fault
def directions_of_travel_swapped(patch: Patch) -> None:
    original = reach.Search.__init__

    def swapped(self: Any, net: Any, mode: Any, *, direction: str, measure: Any) -> None:
        other = "from_facility" if direction == "to_facility" else "to_facility"
        original(self, net, mode, direction=other, measure=measure)

    patch.setattr(reach.Search, "__init__", swapped)


@fault
def people_as_float32(patch: Patch) -> None:
    after(patch, build.pieces, "raster_demand", lambda d: replace(d, piece_persons=d.piece_persons.astype(np.float32)))


@fault
def the_last_unit_is_skipped(patch: Patch) -> None:
    def skip(shares: Any) -> Any:
        kept = shares.unit < max(int(shares.unit.max(initial=0)), 1)
        return pieces.Shares(shares.place[kept], shares.unit[kept], shares.share[kept])

    after(patch, build.pieces, "cell_shares", skip)


@fault
def swapped_axes_of_facilities(patch: Patch) -> None:
    original = doors.AccessFinder.find

    def swapped(self: Any, lon: Any, lat: Any, modes: Any, **more: Any) -> Any:
        return original(self, lat, lon, modes, **more)

    patch.setattr(doors.AccessFinder, "find", swapped)


@fault
def no_data_counts_as_one(patch: Patch) -> None:
    original = pieces.raster_demand

    def counting(surface: Any, shares: Any, **more: Any) -> Any:
        filled = replace(surface, values=np.where(np.isnan(surface.values), 1.0, surface.values))
        return original(filled, shares, **more)

    patch.setattr(build.pieces, "raster_demand", counting)


@fault
def shares_are_not_shared(patch: Patch) -> None:
    after(patch, build.pieces, "cell_shares", lambda s: replace(s, share=np.ones_like(s.share)))


@fault
def rows_upside_down(patch: Patch) -> None:
    from servicecircle.geo.grid import Grid

    original = Grid.centres

    def flipped(self: Any, cell: Any, offset_x: Any = 0.5, offset_y: Any = 0.5) -> Any:
        row, column = np.divmod(cell, self.shape[1])
        return original(self, (self.shape[0] - 1 - row) * self.shape[1] + column, offset_x, offset_y)

    patch.setattr(Grid, "centres", flipped)


@fault
def corners_for_centres(patch: Patch) -> None:
    from servicecircle.geo.grid import Grid

    original = Grid.centres
    patch.setattr(Grid, "centres", lambda self, cell, offset_x=0.5, offset_y=0.5: original(self, cell, 0.0, 0.0))


@fault
def nobody_outside(patch: Patch) -> None:
    after(patch, build.pieces, "raster_demand", lambda d: replace(d, outside_persons=0.0))


@fault
def barriers_ignored(patch: Patch) -> None:
    patch.setattr(crossings.Crossings, "crossed", lambda self, start, end, **_: np.zeros(len(start), dtype=bool))


@fault
def legs_cost_nothing(patch: Patch) -> None:
    patch.setattr(reach.Search, "leg", lambda self, leg_mm: np.zeros_like(leg_mm))


@fault
def legs_at_road_speed(patch: Patch) -> None:
    patch.setattr(reach, "leg_ms", lambda mode, mm: np.rint(mm * 3.6 / mode.reference_kmh).astype(np.int64))


@fault
def straight_walks_forgotten(patch: Patch) -> None:
    patch.setattr(reach, "_by_straight_walk", lambda search, demand, doors, walk, factor, best, limit: best)


@fault
def trips_along_one_edge_forgotten(patch: Patch) -> None:
    none = np.zeros(0, dtype=np.int64)
    patch.setattr(reach.Search, "same_edge", lambda self, *_: (none, none, none))


@fault
def degrees_as_metres(patch: Patch) -> None:
    patch.setattr(straight, "geodesic_m", lambda a, b, c, d: np.hypot(np.asarray(a) - c, np.asarray(b) - d) * 111_320.0)


@fault
def the_middle_of_an_edge_for_its_foot(patch: Patch) -> None:
    patch.setattr(reach.Search, "position", lambda self, edge, from_start_mm: self.length[edge] // 2)


@fault
def only_the_first_facility(patch: Patch) -> None:
    original = evaluate.evaluate_rows
    patch.setattr(evaluate, "evaluate_rows", lambda w, c, rows, cache: original(w, c, rows[:1], cache))


@fault
def other_types_count(patch: Patch) -> None:
    from servicecircle.analysis.world import World

    patch.setattr(World, "facility_rows", lambda self, criterion: np.arange(len(self.facilities)))


@fault
def half_the_speed(patch: Patch) -> None:
    after(patch, network, "_edge_ms", lambda ms: 2 * ms)


@fault
def edges_rounded_to_seconds(patch: Patch) -> None:
    after(patch, network, "_edge_ms", lambda ms: np.rint(ms / 1000).astype(np.int64) * 1000)


@fault
def ways_in_the_order_of_the_file(patch: Patch) -> None:
    original = network._routable

    def unsorted(ways: Any) -> Any:
        _, classes = original(ways)
        return np.array(list(classes), dtype=np.int64), classes

    patch.setattr(network, "_routable", unsorted)


@fault
def unattached_is_unreachable(patch: Patch) -> None:
    after(
        patch,
        evaluate.ReachCache,
        "get",
        lambda r: replace(r, state=np.where(r.state == 2, 1, r.state).astype(np.int8)),
    )


@fault
def median_for_lower_quantile(patch: Patch) -> None:
    original = summary.lower_quantiles
    patch.setattr(summary, "lower_quantiles", lambda qs, *rest: original((0.6, 0.95), *rest))


#: Tests that are asked, the quickest first.
ASKED: tuple[Callable[..., None], ...] = tuple(
    getattr(module, name)
    for module in (test_people, test_travel, test_other_programs, test_space)
    for name in dir(module)
    if name.startswith(("test_p0", "test_p1", "test_d2")) and hasattr(getattr(module, name), "hypothesis")
    if name != "test_p06_order_of_files"
)


def by_hand() -> None:
    """The toy county, and a few random graphs."""
    toy = test_by_hand.run(test_by_hand.toy_county())
    for name in ("test_people", "test_times", "test_typical_values", "test_the_whole_area"):
        getattr(test_by_hand, name)(toy)
    for key in test_by_hand.COVERED:
        test_by_hand.test_units(toy, key)
    test_by_hand.test_those_who_cannot_get_there()
    for seed in range(24):
        test_other_programs.check_trips(seed)


def noticed_by() -> str:
    """Return the first check that fails, an empty text when none does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for test in (by_hand, *ASKED):
            try:
                if hasattr(test, "hypothesis"):
                    asked(test)
                else:
                    test()
            except Exception:  # noqa: BLE001 - any failure is a notice
                return test.__name__
    return ""


def asked(test: Any) -> None:
    """Run a property once more, at 25 examples, always the same, without shrinking."""
    old = test._hypothesis_internal_use_settings
    try:
        test._hypothesis_internal_use_settings = settings(
            max_examples=25,
            derandomize=True,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        test()
    finally:
        test._hypothesis_internal_use_settings = old


@deep
@pytest.mark.slow
def test_the_checks_notice(capsys: pytest.CaptureFixture[str]) -> None:
    assert noticed_by() == ""
    found = {}
    for name, seed in FAULTS.items():
        with pytest.MonkeyPatch.context() as patch:
            seed(patch)
            found[name] = noticed_by()
    survivors = sorted(name for name, by in found.items() if not by)
    with capsys.disabled():
        print(
            f"\n{len(found) - len(survivors)} of {len(found)} seeded faults noticed; survivors: {survivors or 'none'}"
        )
        print("\n".join(f"  {name}: {by or '-'}" for name, by in found.items()))
    assert len(survivors) <= math.floor(0.05 * len(found)), survivors

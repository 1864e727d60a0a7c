"""How far each figure depends on what no plan prints: every circle and radius again, one thing changed at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from servicecircle.analysis.build import with_access_limit
from servicecircle.analysis.evaluate import evaluate
from servicecircle.analysis.summary import count_people, summarise
from servicecircle.cases.changed import BoundedCache, at_speeds, remembering, with_people, with_units
from servicecircle.cases.classes import next_classes, reclassed
from servicecircle.cases.columns import RANGE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from servicecircle.analysis.evaluate import ReachCache
    from servicecircle.analysis.stages import Judged, Prepared
    from servicecircle.analysis.summary import CriterionSummary
    from servicecircle.analysis.world import World
    from servicecircle.standards.model import Covering, Criterion

#: Columns that stand under the same name in a summary.
SAME = (
    "share_covered",
    "covered_persons",
    "persons",
    "units_any",
    "units_every",
    "units",
    "verdict",
    "assumed_verdict",
)
#: Likewise, but unknown (not 0) where nothing was computed.
COUNTED = ("covered_persons", "units_any", "units_every")
#: What is changed, in the order of the rows of a criterion.
WHAT = ("base", "mode", "speed", "access_speed", "access_limit", "population", "urban_basis")
#: What no plan prints and every figure assumes: together the range of a figure.
ASSUMED = ("speed", "access_speed", "access_limit", "population", "urban_basis")


@dataclass(frozen=True)
class Ranges:
    """Figures with one thing changed at a time.

    Attributes
    ----------
    frame : DataFrame
        One row per criterion and change (``RANGE_COLUMNS``), in the order of the criteria.
    classes : DataFrame
        Units whose next basis says another class (``CLASS_COLUMNS``), by unit.
    """

    frame: pd.DataFrame
    classes: pd.DataFrame


@dataclass(frozen=True)
class _Case:
    """One changed world: what and how it was changed, and the criteria it matters to.

    Attributes
    ----------
    known : ReachCache or None
        What was searched already in a world that differs in some modes only.
    changed_modes : tuple of str
        Those modes.
    """

    what: str
    setting: str
    world: World
    criteria: tuple[Criterion, ...]
    known: ReachCache | None = None
    changed_modes: tuple[str, ...] = ()


def find_ranges(prepared: Prepared, judged: Judged, summaries: Iterable[CriterionSummary]) -> Ranges:
    """Judge every circle and radius of its own limit again under each change; each reach is searched once per change.

    Parameters
    ----------
    summaries : iterable of CriterionSummary
        The figures as they stand in the scorecard: the rows ``base``.

    Raises
    ------
    StudyError
        The people to compare live in no unit, or a census counts too many where they have nobody.
    """
    base = {s.criterion.key: s for s in summaries if _has_range(s.criterion.standard)}
    asked = tuple(s.criterion for s in base.values() if s.state == "computed")
    following = next_classes(prepared.ground, prepared.inputs.roads.places)
    changed = following[following["next_class"] != following["area_class"]]
    target = prepared.study.standards.target_share
    found = {key: [_row(key, "base", "", summary, summary)] for key, summary in base.items()}
    wide = remembering(prepared.wide)
    for key, mode, summary in _by_mode(wide, asked, judged.cache, target):
        found[key].append(_row(key, "mode", mode, summary, base[key]))
    makers = (_speed_cases, _limit_cases, _people_cases)
    cases = [make for maker in makers for make in maker(prepared, wide, asked)]
    cases += _class_cases(prepared, judged, asked, following, same=changed.empty)
    for make in cases:
        case = make()
        for summary in _judged_again(case, case.criteria, target):
            key = summary.criterion.key
            found[key].append(_row(key, case.what, case.setting, summary, base[key]))
    rows = [row for key in base for row in found[key]]
    return Ranges(pd.DataFrame(rows, columns=list(RANGE_COLUMNS)), changed.reset_index(drop=True))


def _has_range(standard: Covering) -> bool:
    """Return whether a standard is given a range: one with a borrowed limit has no verdict that could turn."""
    return standard.kind in ("circle", "radius") and not standard.borrowed


def share_ranges(ranges: pd.DataFrame, what: Sequence[str] = WHAT) -> pd.DataFrame:
    """Return the lowest and highest share of people covered of each criterion, over some kinds of change.

    Columns ``criterion, low, high``; empty (NaN) where a criterion has no share. The base always takes part.
    """
    kept = ranges[ranges["what"].isin([*what, "base"])]
    shares = pd.to_numeric(kept["share_covered"]).groupby(kept["criterion"], sort=False)
    return pd.DataFrame({"low": shares.min(), "high": shares.max()}).rename_axis("criterion").reset_index()


def ranged(summaries: Iterable[CriterionSummary], ranges: pd.DataFrame) -> tuple[CriterionSummary, ...]:
    """Return summaries with their lowest and highest share and the changes that turn their verdict.

    Another mode is another reading, not a doubt about this one: modes take no part in the low and the high.
    """
    spans = share_ranges(ranges, ASSUMED).set_index("criterion") if len(ranges) else pd.DataFrame()
    turned = ranges[ranges["flips"].astype(bool)] if len(ranges) else ranges
    return tuple(_ranged(summary, spans, turned) for summary in summaries)


def _ranged(summary: CriterionSummary, spans: pd.DataFrame, turned: pd.DataFrame) -> CriterionSummary:
    key = summary.criterion.key
    if key not in spans.index:
        return summary
    low, high = (float(value) for value in spans.loc[key, ["low", "high"]].to_numpy(dtype=float))
    if math.isnan(low) or math.isnan(high):
        return summary
    mine = turned[turned["criterion"] == key]
    flips = tuple((str(what), str(setting)) for what, setting in zip(mine["what"], mine["setting"], strict=True))
    return replace(summary, share_low=low, share_high=high, flips=flips)


def _judged_again(case: _Case, criteria: Sequence[Criterion], target: float) -> list[CriterionSummary]:
    world = case.world
    cache = BoundedCache(world, criteria, known=case.known, changed_modes=case.changed_modes)
    return [
        summarise(world, entry, count_people(world, entry), assumed_target=target)
        for entry in evaluate(world, criteria, cache=cache).criteria
    ]


def _by_mode(
    wide: World, asked: Sequence[Criterion], known: ReachCache, target: float
) -> Iterable[tuple[str, str, CriterionSummary]]:
    """Yield every circle's key, each mode, and the circle's figures by it; circles of one record share them."""
    circles = [criterion for criterion in asked if criterion.measure == "time"]
    by_record = {criterion.standard.id: criterion for criterion in circles}
    travelled = [
        replace(criterion, measure_key=mode, mode=mode) for criterion in by_record.values() for mode in wide.modes
    ]
    summaries = _judged_again(_Case("mode", "", wide, (), known), travelled, target)
    for criterion in circles:
        for summary in summaries:
            if summary.criterion.standard.id == criterion.standard.id:
                yield criterion.key, summary.criterion.mode, summary


def _own(wide: World, criteria: Sequence[Criterion]) -> World:
    """Return the world with the modes of some criteria only: no others are changed."""
    used = {criterion.mode for criterion in criteria}
    return wide.with_modes({name: mode for name, mode in wide.modes.items() if name in used})


def _speed_cases(prepared: Prepared, wide: World, asked: Sequence[Criterion]) -> list[Callable[[], _Case]]:
    timed = tuple(criterion for criterion in asked if criterion.measure == "time")
    if not timed:
        return []
    study, own = prepared.study.ranges, _own(wide, timed)

    def made(what: str, road: float, access: float) -> _Case:
        return _Case(what, f"x {access:g}", at_speeds(own, road=road, access=access), timed)

    by = [round(1 - study.speed_share, 9), round(1 + study.speed_share, 9)]
    speeds = [partial(made, "speed", factor, factor) for factor in by]
    return [*speeds, *(partial(made, "access_speed", 1.0, factor) for factor in study.access_speed)]


def _limit_cases(prepared: Prepared, wide: World, asked: Sequence[Criterion]) -> list[Callable[[], _Case]]:
    routed = tuple(criterion for criterion in asked if criterion.measure in ("time", "road"))
    if not routed:
        return []
    own = _own(wide, routed)

    def made(limit_m: float) -> _Case:
        world = remembering(with_access_limit(own, prepared.finder, limit_m))
        return _Case("access_limit", f"{limit_m:g} m", world, routed)

    return [partial(made, limit_m) for limit_m in prepared.study.ranges.access_limit_m]


def _people_cases(prepared: Prepared, _wide: World, asked: Sequence[Criterion]) -> list[Callable[[], _Case]]:
    people = prepared.inputs.compared
    if people is None:
        return []
    return [lambda: _Case("population", people.path.name, remembering(with_people(prepared, people)), tuple(asked))]


def _class_cases(
    prepared: Prepared, judged: Judged, asked: Sequence[Criterion], following: pd.DataFrame, *, same: bool
) -> list[Callable[[], _Case]]:
    """Return the case of the next basis, where any unit has one and a criterion depends on classes."""
    modes = prepared.world.modes
    touched = tuple(c for c in asked if c.standard.area_class is not None or (c.mode and modes[c.mode].class_kmh))
    if following.empty or not touched:
        return []
    setting = ", ".join(sorted(set(following["next_basis"])))

    def made() -> _Case:
        if same:
            return _Case("urban_basis", setting, prepared.world, touched, judged.cache)
        units = reclassed(prepared.ground.units, following)
        driving = tuple(name for name, mode in modes.items() if mode.class_kmh)
        return _Case("urban_basis", setting, remembering(with_units(prepared, units)), touched, judged.cache, driving)

    return [made]


def _row(key: str, what: str, setting: str, summary: CriterionSummary, base: CriterionSummary) -> dict[str, Any]:
    figures = {name: getattr(summary, name) for name in SAME}
    if summary.state != "computed":
        figures |= dict.fromkeys(COUNTED)
    flips = (summary.verdict, summary.assumed_verdict) != (base.verdict, base.assumed_verdict)
    return {"criterion": key, "what": what, "setting": setting} | figures | {"flips": flips}

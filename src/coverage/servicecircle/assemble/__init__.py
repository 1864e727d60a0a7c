"""Put the results of a run together: ledger, lists, sites, cards, drawings, provenance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from servicecircle.analysis import drawings
from servicecircle.analysis.build import find_doors
from servicecircle.analysis.columns import UNIT_COLUMNS
from servicecircle.analysis.cover import at_least
from servicecircle.analysis.doubt import with_doubt
from servicecircle.analysis.explain import Explainer
from servicecircle.analysis.gaps import gap_rows, gap_rule
from servicecircle.analysis.select import doubtful_for
from servicecircle.analysis.summary import HALF_PERSON, half_access_persons, ledger_line, summarise
from servicecircle.analysis.times import travel_times
from servicecircle.assemble.provenance import door_counts, outside, provenance
from servicecircle.cases.columns import no_ranges
from servicecircle.cases.ranges import find_ranges, ranged
from servicecircle.demand import ledger
from servicecircle.demand.calibrate import calibration_notices
from servicecircle.errors import problem
from servicecircle.geo.outline import is_area, is_line
from servicecircle.inputs.population import PointPeople
from servicecircle.inputs.problems import some
from servicecircle.results import GAP_COLUMNS, SITE_COLUMNS, Drawings, Results
from servicecircle.siting.plan import plan_sites
from servicecircle.standards.catalogue import find
from servicecircle.standards.wording import missing_text
from servicecircle.text import sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from servicecircle.analysis.stages import Judged, Prepared
    from servicecircle.analysis.summary import CriterionSummary
    from servicecircle.cases.ranges import Ranges
    from servicecircle.demand.pieces import Demand
    from servicecircle.errors import Problem
    from servicecircle.siting.plan import Plan
    from servicecircle.study import Siting, Study

#: Units explained on the map per criterion, those with most uncovered people first.
CARDS_MOST = 200
#: With many criteria fewer each: together about this many, but never fewer than ``CARDS_LEAST``.
CARDS_ALL = 1200
CARDS_LEAST = 40


def assemble(prepared: Prepared, judged: Judged, progress: Callable[[str], None]) -> Results:
    """Return the results of a judged study.

    Raises
    ------
    InternalError
        The people ledger does not close: nothing may be written.
    """
    study, world = prepared.study, prepared.world
    language = study.outputs.language
    pairs = list(zip(judged.coverage.criteria, judged.counts, strict=True))
    lines = [
        ledger.window_line(world.demand),
        ledger.calibration_line(world.demand),
        *ledger.group_lines(world.demand),
        *(ledger_line(e, c) for e, c in pairs),
    ]
    closed = ledger.check(lines)
    ledger.check(ledger.calibration_lines(world.demand))
    progress("gaps")
    lists = [
        gap_rows(world, e, t, prepared.ground.named, language)
        for e, t in zip(judged.coverage.criteria, judged.tables, strict=True)
    ]
    gaps = _joined(lists, GAP_COLUMNS)
    cards = _cards(prepared, judged)
    plan = _plan(prepared, progress)
    target = study.standards.target_share
    summaries = tuple(
        with_doubt(
            world,
            e,
            replace(summarise(world, e, c, assumed_target=target), half_access_persons=half_access_persons(world, e)),
            judged.cache,
        )
        for e, c in pairs
    )
    ranges = _ranges(prepared, judged, summaries, progress)
    progress("drawings")
    return Results(
        study=study,
        summaries=summaries if ranges is None else ranged(summaries, ranges.frame),
        ledger=closed,
        units=_joined(list(judged.tables), UNIT_COLUMNS),
        findings=judged.findings,
        standards=prepared.standards,
        gaps=gaps,
        sites=pd.DataFrame(columns=list(SITE_COLUMNS)) if plan is None else plan.sites,
        facilities=_facilities(prepared),
        doors=_doors(prepared),
        shapes=_shapes(prepared),
        set_aside=_set_aside(prepared),
        counted={
            e.criterion.key: tuple(world.facilities["id"].iloc[e.facility_rows]) for e in judged.coverage.criteria
        },
        cards=cards,
        drawings=_drawings(prepared, judged),
        notices=_sentences(study, _notices(prepared, judged, plan, ranges)),
        provenance=provenance(prepared, plan, ranges),
        travel_times=travel_times(world.demand, judged.coverage, _person_ids(prepared)),
        ranges=no_ranges() if ranges is None else ranges.frame,
    )


def _ranges(
    prepared: Prepared, judged: Judged, summaries: Iterable[CriterionSummary], progress: Callable[[str], None]
) -> Ranges | None:
    if not prepared.study.ranges.enabled:
        return None
    progress("ranges")
    return find_ranges(prepared, judged, summaries)


def _person_ids(prepared: Prepared) -> list[str]:
    """Return the identifiers of people given at points, by row; none with a raster."""
    people = prepared.inputs.population
    return list(people.frame["id"]) if isinstance(people, PointPeople) else []


def _joined(frames: list[pd.DataFrame], columns: Iterable[str]) -> pd.DataFrame:
    full = [frame for frame in frames if len(frame)]
    return pd.concat(full, ignore_index=True) if full else pd.DataFrame(columns=list(columns))


def _cards(prepared: Prepared, judged: Judged) -> dict[str, dict[str, list[str]]]:
    """Explain the short units, criterion after criterion."""
    cards: dict[str, dict[str, list[str]]] = {}
    most = min(CARDS_MOST, max(CARDS_LEAST, CARDS_ALL // max(len(judged.tables), 1)))
    for entry, table in zip(judged.coverage.criteria, judged.tables, strict=True):
        if entry.state != "computed":
            continue
        explainer = Explainer(prepared.world, entry, table, judged.cache, prepared.study.outputs.language)
        short = table[table["short"]].sort_values("uncovered_persons", ascending=False, kind="stable")
        chosen = short["unit_id"].head(most)
        cards[entry.criterion.key] = {str(unit): explainer.lines(str(unit)) for unit in chosen}
    return cards


def _plan(prepared: Prepared, progress: Callable[[str], None]) -> Plan | None:
    siting = prepared.study.siting
    if siting is None:
        return None
    progress("siting")
    wanted = find(prepared.criteria, siting.standard)
    return plan_sites(
        prepared.world, wanted, siting, lambda lon, lat: find_doors(prepared.finder, prepared.world.modes, lon, lat)
    )


def _facilities(prepared: Prepared) -> gpd.GeoDataFrame:
    frame, entrances = prepared.world.facilities, prepared.world.entrances
    attached = np.ones(len(frame), dtype=bool)
    for mode in _asked(prepared):
        attached &= entrances.attached(mode)
    columns = ["id", "name", "type", "type_text", "ownership", "source", "row"]
    table = frame[columns].assign(in_area=frame["unit"] >= 0, attached=attached)
    return gpd.GeoDataFrame(table, geometry=shapely.points(frame["lon"], frame["lat"]), crs="EPSG:4326")


def _asked(prepared: Prepared) -> list[str]:
    return sorted({criterion.mode for criterion in prepared.criteria if criterion.mode} or {"walk"})


def _doors(prepared: Prepared) -> gpd.GeoDataFrame:
    """Return the doors of the facilities, numbered from 1 within each; attached means for every mode asked."""
    entrances, ids = prepared.world.entrances, prepared.world.facilities["id"].to_numpy(dtype=object)
    attached = np.ones(len(entrances.facility), dtype=bool)
    for mode in _asked(prepared):
        attached &= entrances.places.access[mode].attached()
    first = np.searchsorted(entrances.facility, entrances.facility)
    table = {
        "facility_id": ids[entrances.facility],
        "door": np.arange(len(first)) - first + 1,
        "how": entrances.kind.astype(object),
        "attached": attached,
    }
    places = shapely.points(entrances.places.lon, entrances.places.lat)
    return gpd.GeoDataFrame(table, geometry=places, crs="EPSG:4326")


def _shapes(prepared: Prepared) -> gpd.GeoDataFrame:
    shapes = prepared.inputs.facilities.shapes
    frame = prepared.world.facilities
    frame = frame[frame["id"].isin(list(shapes))]
    table = {"facility_id": frame["id"], "name": frame["name"], "type": frame["type"]}
    return gpd.GeoDataFrame(table, geometry=[shapes[code] for code in frame["id"]], crs="EPSG:4326")


def _door_notices(prepared: Prepared) -> list[Problem]:
    """Say at how many doors the facilities that are areas and lines are entered."""
    shapes = prepared.inputs.facilities.shapes
    drawn = [
        code
        for code in prepared.world.facilities["id"]
        if code in shapes and (is_area(shapes[code]) or is_line(shapes[code]))
    ]
    if not drawn:
        return []
    count = door_counts(prepared)
    doors = {"gates": count["gate"], "crossings": count["road_crossing"], "border": count["border"] + count["line"]}
    return [problem("doors.found", count=len(drawn), doors=sum(doors.values()), **doors)]


def _set_aside(prepared: Prepared) -> pd.DataFrame:
    language = prepared.study.outputs.language
    rows: list[dict[str, Any]] = [
        {
            "file": s.file,
            "layer": s.layer,
            "row": s.row,
            "id": s.id,
            "value": s.value,
            "reason": sentence(language, s.reason),
        }
        for s in prepared.inputs.set_aside
    ]
    rows += [
        {
            "file": r.source,
            "layer": "",
            "row": r.row,
            "id": r.id,
            "value": f"{r.lon:.6f}, {r.lat:.6f}",
            "reason": sentence(language, problem("flow.cross_boundary_off")),
        }
        for r in outside(prepared).itertuples(index=False)
    ]
    frame = pd.DataFrame(rows, columns=["file", "layer", "row", "id", "value", "reason"])
    return frame.sort_values(["file", "layer", "row", "id"], kind="stable", ignore_index=True)


def _drawings(prepared: Prepared, judged: Judged) -> Drawings:
    world, roads = prepared.world, prepared.inputs.roads
    places = gpd.GeoDataFrame(
        {"name": roads.places.name, "place": roads.places.place},
        geometry=shapely.points(roads.places.lon, roads.places.lat),
        crs="EPSG:4326",
    )
    return Drawings(
        units=drawings.unit_shapes(world),
        service_areas=drawings.service_areas(
            world, judged.coverage.criteria, prepared.finder, prepared.study.outputs.language
        ),
        roads=drawings.road_lines(world),
        barriers=drawings.barrier_shapes(roads.barriers, prepared.inputs.box),
        places=places,
    )


def _notices(prepared: Prepared, judged: Judged, plan: Plan | None, ranges: Ranges | None) -> list[Problem]:
    """Say what the reader must know, most important first."""
    study, world, demand = prepared.study, prepared.world, prepared.world.demand
    language, facilities = study.outputs.language, world.facilities
    yielded = _walled_in(prepared)
    walking = world.demand_places.access["walk"].attached()
    inside = demand.inside_persons()
    persons = float(inside.sum())
    notices = [problem("flow.note", note=study.study.note)] if study.study.note else []
    notices += [
        problem("flow.no_data", criterion=e.criterion.key, missing=missing_text(e.missing, language))
        for e in judged.coverage.criteria
        if e.state != "computed"
    ]
    notices += [
        problem(
            f"flow.{'needs' if e.criterion.standard.needs else 'ownership'}_unknown",
            criterion=e.criterion.key,
            count=len(doubtful),
        )
        for e in judged.coverage.criteria
        if e.state == "computed" and len(doubtful := doubtful_for(facilities, e.criterion.standard, world.holdings))
    ]
    notices += prepared.inputs.notices
    notices += _door_notices(prepared)
    if at_least(demand.outside_persons, HALF_PERSON):
        people = {"persons": f"{demand.outside_persons:,.0f}", "window": f"{demand.window_persons:,.0f}"}
        notices.append(problem("flow.outside", **people))
    notices += _group_notices(demand)
    if persons > 0:
        share = float(inside[~walking].sum()) / persons
        notices.append(problem("flow.far_from_roads", share=f"{share:.1%}", limit=f"{study.travel.access_limit_m:g}"))
    basis = world.units["basis"].value_counts()
    notices.append(
        problem("flow.unit_basis", **{name: int(basis.get(name, 0)) for name in ("surveyed", "nearest_point", "block")})
    )
    by_default = int((world.units["class_basis"] == "default").sum())
    if by_default and prepared.inputs.units is None:
        notices.append(problem("flow.class_default", count=by_default, area_class=study.area.default_class))
    if ranges is not None and len(ranges.classes):
        names = some(str(name) for name in ranges.classes["name"])
        notices.append(problem("flow.next_class", count=len(ranges.classes), names=names))
    if yielded:
        notices.append(problem("flow.walls_yielded", count=len(yielded), names=", ".join(yielded)))
    if demand.moved or demand.in_water:
        notices.append(problem("flow.water", moved=demand.moved, left=demand.in_water))
    if demand.grid is None:
        notices.append(problem("flow.point_demand"))
    if demand.calibration is not None:
        notices += calibration_notices(demand.calibration, list(world.units["name"]))
    if plan is not None and study.siting is not None:
        notices += _siting_notices(plan, study.siting)
    notices.append(gap_rule(study.gap))
    notices.append(problem("flow.restrictions", count=prepared.inputs.roads.turn_restrictions))
    return notices


def _group_notices(demand: Demand) -> list[Problem]:
    """Say how many people of each group live in the units: criteria of a group count nobody else."""
    everybody = float(demand.piece_persons.sum())
    notices = []
    for name, people in demand.groups.items():
        persons = float(people.sum())
        share = f"{persons / everybody:.1%}" if everybody > 0 else "-"
        notices.append(problem("flow.group", group=name, persons=f"{persons:,.0f}", share=share))
    return notices


def _walled_in(prepared: Prepared) -> list[str]:
    """Return the ids of facilities all of whose legs cross walls, for some mode."""
    world = prepared.world
    return [str(code) for code in world.facilities.loc[world.entrances.walled_in(), "id"]]


def _siting_notices(plan: Plan, siting: Siting) -> list[Problem]:
    notices = []
    if len(plan.sites) < siting.choose:
        notices.append(problem("flow.fewer_sites", wanted=siting.choose, found=len(plan.sites)))
    if plan.gap > 0:
        notices.append(problem("flow.siting_gap", gap=f"{plan.gap:.1%}"))
    return notices


def _sentences(study: Study, notices: list[Problem]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentence(study.outputs.language, item) for item in notices))

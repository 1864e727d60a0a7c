"""Make a sample county: everything from one preset and one seed, and every file marked as synthetic."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.analysis.evaluate import ReachCache
from servicecircle.flow import prepare, study_criteria
from servicecircle.sample import decide, files, network, plant, relief, services, streets
from servicecircle.sample.attributes import workbook_fields
from servicecircle.sample.extra import extra_facilities
from servicecircle.sample.land import Land, make_land, stream
from servicecircle.sample.package import write_inputs
from servicecircle.sample.people import Cells, livable, make_cells, sizes
from servicecircle.sample.settle import Places, borders, settle
from servicecircle.sample.study_text import study_tree
from servicecircle.standards.vocabulary import accepts
from servicecircle.study import Gap, study_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from servicecircle.analysis.world import World
    from servicecircle.geo.grid import Surface
    from servicecircle.sample.decide import Measured
    from servicecircle.sample.presets import Preset
    from servicecircle.sample.services import Facility
    from servicecircle.standards.model import Criterion
    from servicecircle.study import Study

#: Regional services: facilities beside some health centres, by the type that makes a health centre one of them.
REGIONAL = ("county_medical_subcentre", "emergency_point", "regional_medical_centre")
#: What a settlement gets when its verdict stays unclear: the service behind a type.
SERVICE_OF = {"village_clinic": "clinic", "community_health_station": "station", "activity_ground": "fitness"}
#: Settlements are given what they lack in so many steps, then all is drawn anew; so many times in all.
STEPS, ATTEMPTS = 2, 6
#: From this attempt on villages may be left by most of their people.
LAST_STEPS = 2


@dataclass(frozen=True)
class County:
    """A finished county.

    Attributes
    ----------
    units : object array (places,) of polygons in metres
    residents : int64 array (places,)
    persons : float64 array (cells,)
        People of each row of ``cells``.
    unclear : tuple of (Criterion, int)
        Verdicts that a tenth of the limit would still change: criterion and settlement.
    """

    seed: int
    land: Land
    places: Places
    planted: plant.Planted
    units: NDArray[np.object_]
    roads: tuple[streets.Line, ...]
    beside: tuple[streets.Line, ...]
    crossings: tuple[network.Node, ...]
    height: Surface
    residents: NDArray[np.int64]
    cells: Cells
    persons: NDArray[np.float64]
    facilities: tuple[Facility, ...]
    unclear: tuple[tuple[Criterion, int], ...]
    corners: tuple[NDArray[np.float64], ...]
    """Street corners of each settlement: float64 array (corners, 2)."""
    near: tuple[tuple[Criterion, int], ...] = ()
    """Criteria and settlements that just hold."""
    extra: tuple[Facility, ...] = ()
    """Facilities of a place beside those of the workbook, which its plan's records name."""


def _silent(_stage: str) -> None:
    """Report no progress."""


def make_county(preset: Preset, seed: int, *, progress: Callable[[str], None] = _silent) -> County:
    """Make a county; the same preset and seed give the same county in the locked environment.

    Settlements whose verdict stays unclear get the service they lack, and the county is judged again.
    """
    progress("sample_land")
    land = make_land(preset, seed)
    places = settle(land, seed)
    units = borders(land, places, seed)
    graph = streets.road_graph(land, places, seed)
    planted = plant.plant(land, places, graph, seed)
    places = plant.reclassed(places, planted)
    lattices = streets.lattices(land, places, seed, summit=planted.roles.get("summit"))
    roads, beside, crossings = _roads(land, places, planted, lattices, seed)
    summit = places.xy[planted.roles["summit"]] if "summit" in planted.roles else None
    room = livable(land, places, units, planted)
    residents = sizes(land, places, planted, room, seed)
    cells = make_cells(land, places, room, residents, seed)
    county = County(
        seed=seed,
        land=land,
        places=places,
        planted=planted,
        units=units,
        roads=tuple(roads),
        beside=tuple(beside),
        crossings=tuple(crossings),
        height=relief.elevation(land, roads, summit, seed),
        residents=residents,
        cells=cells,
        persons=np.zeros(len(cells.index)),
        facilities=(),
        unclear=(),
        corners=tuple(lattice.xy for lattice in lattices),
    )
    progress("sample_people")
    return _inhabited(county, lattices)


def _roads(
    land: Land, places: Places, planted: plant.Planted, lattices: list[streets.Lattice], seed: int
) -> tuple[list[streets.Line], list[streets.Line], list[network.Node]]:
    between = plant.with_gap(streets.roads_between(land, places, planted.graph, lattices, seed), planted)
    between = plant.with_one_way(between, planted)
    unique = {id(lattice): lattice for k, lattice in enumerate(lattices) if k != planted.roles.get("off_road")}
    lanes = [line for lattice in unique.values() for line in lattice.lines]
    lanes += streets.ending_lanes(lattices, places, seed, apart_from=list(planted.roles.values()))
    roadless = places.xy[planted.roadless]
    fields = streets.tracks(land, places, lattices, seed, apart_from=roadless)
    drawn = [*between, *streets.outgoing(land, lattices, places, between), *fields, *lanes]
    drawn += streets.quarries(land, drawn, seed, apart_from=roadless)
    lines, rail, crossings = network.noded(network.over_water(land, drawn), land.rail)
    return lines, [*network.expressway(land, lines), rail], crossings


def _inhabited(county: County, lattices: list[streets.Lattice]) -> County:
    """Return the county with facilities and people, all verdicts clear where that can be had.

    Ways are measured once, on a draft with every facility there could be; then the draws decide which exist.
    """
    land, places, planted = county.land, county.places, county.planted
    made = services.make_facilities(land, places, lattices, planted, county.seed)
    made = services.off_borders(made, county.units)
    if land.preset.plan:
        return _as_drawn(county, made)
    draft = _draft(replace(county, facilities=tuple(made)))
    best: County | None = None
    forced: frozenset[tuple[str, int]] = frozenset()
    for attempt in range(ATTEMPTS):
        variant, step = divmod(attempt, STEPS)
        forced = forced if step else frozenset()
        draws = services.draw(land, places, planted, stream(county.seed, f"services {variant}"), forced=forced)
        result = _judged(county, draft, made, draws, forced, attempt)
        if best is None or len(result.unclear) < len(best.unclear):
            best = result
        if not result.unclear:
            break
        forced |= _helpful(result)
    return best or county


def _as_drawn(county: County, made: list[Facility]) -> County:
    """Return the county with facilities and people as first drawn: the verdicts of a place need not be clear.

    Nothing is measured, which takes the longer half of the time. Regional services are added with a place's own lists.
    """
    places, cells = county.places, county.cells
    draws = services.draw(county.land, places, county.planted, stream(county.seed, "services 0"), forced=frozenset())
    nothing = decide.Draft(np.zeros(0, dtype=np.int64), np.zeros(0))
    nobody = np.zeros(places.count, dtype=bool)
    settled = decide.settle_people(places, cells, county.residents, [], nothing, Gap(), may_empty=nobody)
    county = replace(county, residents=settled.residents, persons=settled.persons)
    facilities = services.existing(places, made, draws)
    extra = extra_facilities(replace(county, facilities=tuple(facilities)))
    every = [*facilities, *services.off_borders(extra, county.units)]
    fields = workbook_fields(county.land.preset, every, county.seed)
    every = [replace(f, **{field: fields[field][k] for field in fields}) for k, f in enumerate(every)]
    return replace(county, facilities=tuple(every[: len(facilities)]), extra=tuple(every[len(facilities) :]))


def _helpful(county: County) -> set[tuple[str, int]]:
    """Return the services that would settle unclear verdicts, each with the settlement that lacks it."""
    own = {
        (service, k)
        for criterion, k in county.unclear
        for kind, service in SERVICE_OF.items()
        if _could_have(criterion, kind, county.places, k)
    }
    of_region = {
        (code, k) for criterion, k in county.unclear for code in REGIONAL if code in accepts(criterion.standard.types)
    }
    return own | of_region


def _could_have(criterion: Criterion, kind: str, places: Places, k: int) -> bool:
    village = places.kind[k] == "village"
    fits = kind in accepts(criterion.standard.types)
    return fits and {"village_clinic": village, "community_health_station": not village}.get(kind, True)


@dataclass(frozen=True)
class _Draft:
    """A county with every facility there could be, ready to be measured."""

    study: Study
    criteria: tuple[Criterion, ...]
    world: World
    cache: ReachCache
    points: decide.Draft
    unit_of_place: NDArray[np.int64]
    row_of: NDArray[np.int64]
    """Row in the world of each facility, in the order made."""


def _draft(county: County) -> _Draft:
    with tempfile.TemporaryDirectory(prefix="servicecircle-sample-") as name:
        folder = Path(name)
        write_inputs(county, folder, np.ones(len(county.cells.index)))
        study = study_from(study_tree(county.land.preset), folder / "study.toml")
        criteria = study_criteria(study)
        world = prepare(study).world
    order = {code: row for row, code in enumerate(world.units["id"])}
    rows = {str(code).partition(":")[2]: row for row, code in enumerate(world.facilities["id"])}
    return _Draft(
        study,
        criteria,
        world,
        ReachCache(world),
        decide.draft_of(world, county.cells),
        np.array([order[code] for code in county.places.code], dtype=np.int64),
        np.array([rows[files.facility_id(k)] for k in range(len(county.facilities))], dtype=np.int64),
    )


def _judged(
    county: County,
    draft: _Draft,
    made: list[Facility],
    draws: services.Draws,
    forced: frozenset[tuple[str, int]],
    attempt: int,
) -> County:
    """Measure every way to the facilities that exist, choose the regional sites, then let people settle."""
    there = draft.row_of[[k for k, facility in enumerate(made) if draws.keeps(facility)]]
    measured = decide.measure(draft.world, draft.cache, draft.criteria, there, draft.unit_of_place)
    facilities = services.existing(county.places, made, draws)
    for code in REGIONAL:
        mine = [k for k, m in enumerate(measured) if code in accepts(m.criterion.standard.types)]
        if not mine:
            # nothing here asks for it: the county hospital bears the title, as one facility of every type is wanted
            facilities.append(services.regional(next(f for f in made if f.type == "general_hospital"), code))
            continue
        base = [measured[k] for k in mine]
        homes = _homes(made, [k for service, k in forced if service == code])
        by_site = _by_site(base, draft, homes)
        must = [k for service, k in sorted(forced) if service == code]
        base = decide.nearest_of(base, [by_site[k] for k in must])
        rng = stream(county.seed, f"{code} {attempt // STEPS}")
        sites = decide.choose_sites(by_site, base, county.cells, draft.points, rng)
        for k, m in zip(mine, decide.nearest_of(base, [by_site[s] for s in sites]), strict=True):
            measured[k] = m
        facilities += [services.regional(made[homes[k]], code) for k in dict.fromkeys((*must, *sites))]
    village = county.places.kind == "village"
    village[list(county.planted.roles.values())] = False
    settled = decide.settle_people(
        county.places,
        county.cells,
        county.residents,
        measured,
        draft.points,
        draft.study.gap,
        may_empty=village & (attempt >= LAST_STEPS),
    )
    near = decide.near_misses(county.places, measured, settled.persons, county.cells, draft.points, draft.study.gap)
    return replace(
        county,
        facilities=tuple(facilities),
        residents=settled.residents,
        persons=settled.persons,
        unclear=settled.unclear,
        near=tuple(near),
    )


def _homes(made: list[Facility], also: list[int]) -> dict[int, int]:
    """Return the facility (place in the list) a regional service would stand beside, by settlement.

    Health centres of towns and streets; where nothing else helps, any facility of some other settlements.
    """
    kinds = ("township_health_centre", "community_health_centre")
    centres = {f.place: k for k, f in enumerate(made) if f.type in kinds and not f.host}
    others = {f.place: k for k, f in reversed(list(enumerate(made))) if f.place in also}
    return others | centres


def _by_site(base: list[Measured], draft: _Draft, homes: dict[int, int]) -> dict[int, list[Measured]]:
    """Return the criteria of a regional service from each home alone, by settlement."""
    return {
        place: [replace(m, ratio=decide.ratio_of(draft.cache, m.criterion, draft.row_of[[k]])) for m in base]
        for place, k in homes.items()
    }

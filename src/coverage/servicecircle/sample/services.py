"""Facilities of a sample county: every type the register names, with owner, grade, beds, staff, services, hours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from servicecircle.sample.land import Land, stream
from servicecircle.sample.names import facility_title
from servicecircle.standards.vocabulary import facility_types

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.sample.plant import Planted
    from servicecircle.sample.settle import Places
    from servicecircle.sample.streets import Lattice

#: Villages whose clinic has a service point.
SERVICE_POINTS = 3
#: Doors stand this far from the street corner they belong to, on either side.
DOOR_M = (12.0, 9.0)
#: No facility stands nearer to a border: in which unit it lies is no matter of a few metres.
OFF_BORDER_M = 20.0
SERVICES = ("预防接种", "老年人健康管理", "孕产妇保健", "儿童保健", "慢性病管理", "中医药服务", "康复护理", "健康体检")
#: What a committee may have to exercise in.
OPEN_AIR = ("activity_ground", "fitness_equipment", "pitch", "running_track", "health_path", "park")
#: Words of the vocabulary for things that are no place of their own.
NO_PLACE = frozenset(
    {"vehicle", "ambulance", "negative_pressure_ambulance", "childcare_place", "role", "hosted_service"}
)


#: No plan asks for medicine that heals nobody; a hall that could be a hospital is made by a rule of its own.
NEVER_SINGLE = frozenset({"cosmetic_clinic", "convertible_venue"})
#: What single rows of the plans name: made where a county stands for a place and is judged by its whole plan. The kinds
#: of counties are without: a further type would move every draw after it, and what is known of them was proven.
PLACES_ALONE = frozenset(
    "mental_rehab_point hiv_screening_point hiv_laboratory bsl2_laboratory blood_pressure_point first_aid_training "
    "first_aid_training_point fitness_guidance_station urban_water_monitoring_point rural_water_monitoring_point "
    "shared_laboratory shared_imaging sterilising_centre emergency_store chest_pain_centre stroke_centre trauma_centre "
    "maternal_centre newborn_centre cancer_centre inspected_place".split()
)


@dataclass(frozen=True)
class Facility:
    """One row of the facility workbook; counts are None where nothing is known."""

    name: str
    type: str
    ownership: str
    xy: tuple[float, float]
    place: int
    sheet: str = "医疗卫生机构"
    grade: str = ""
    beds: int | None = None
    doctors: int | None = None
    nurses: int | None = None
    staff: int | None = None
    ambulances: int | None = None
    negative_pressure: int | None = None
    services: str = ""
    tcm_methods: int | None = None
    hours: str = ""
    serves: str = ""
    host: str = ""
    service: str = ""
    """``clinic``, ``station`` or ``fitness``: what :class:`Draws` may leave out; empty: always there."""

    @property
    def word(self) -> str:
        """The type as the table prints it."""
        return facility_types()[self.type].zh


@dataclass(frozen=True)
class Draws:
    """Which settlements have what, drawn once: bool arrays (places,)."""

    clinic: NDArray[np.bool_]
    station: NDArray[np.bool_]
    fitness: NDArray[np.bool_]

    def keeps(self, facility: Facility) -> bool:
        """Return whether a facility exists under these draws."""
        return not facility.service or bool(getattr(self, facility.service)[facility.place])


def draw(
    land: Land, places: Places, planted: Planted, rng: np.random.Generator, *, forced: frozenset[tuple[str, int]]
) -> Draws:
    """Draw which villages have a clinic and a fitness ground and which committees a station.

    Parameters
    ----------
    forced : frozenset of (str, int)
        Service and settlement pairs that get one whatever the draw (see :mod:`servicecircle.sample.people`).
    """
    clinic = rng.random(places.count) < land.preset.clinic_share
    station = rng.random(places.count) < land.preset.station_share
    fitness = rng.random(places.count) < np.where(places.kind == "village", land.preset.fitness_share, 1.0)
    for k in planted.roles.values():
        clinic[k] = fitness[k] = True
    clinic[list(planted.private)] = True
    services = {"clinic": clinic, "station": station, "fitness": fitness}
    for service, k in forced:
        if service in services:
            services[service][k] = True
    clinic[list(planted.no_clinic)] = False
    station[np.isin(places.name, land.preset.without_station)] = False
    is_village = places.kind == "village"
    return Draws(clinic & is_village, station & ~is_village, fitness)


def make_facilities(land: Land, places: Places, streets: list[Lattice], planted: Planted, seed: int) -> list[Facility]:
    """Return every facility there could be, but the regional ones; :class:`Draws` says which of them exist."""
    rng = stream(seed, "facilities")
    made: list[Facility] = []
    for k in range(places.count):
        if places.kind[k] == "village":
            made += _of_village(places, streets, planted, k, rng)
        else:
            made += _of_committee(places, streets, k, rng)
    for town, name in enumerate(places.towns):
        made += _of_town(land, places, streets, town, name, rng)
    return made + _of_county(land, places, streets, rng) + _service_points(places, planted, made)


def _service_points(places: Places, planted: Planted, made: list[Facility]) -> list[Facility]:
    """Return the service points of the clinics of a few plain villages, in the same house: no way gets shorter."""
    special = {*planted.roles.values(), *planted.private, *planted.no_clinic}
    plain = [f for f in made if f.service == "clinic" and f.place not in special][:SERVICE_POINTS]
    return [
        replace(f, name=f"{places.name[f.place]}卫生室服务点", type="village_clinic_service_point", host=f.name)
        for f in plain
    ]


def off_borders(made: list[Facility], units: NDArray[np.object_]) -> list[Facility]:
    """Return the facilities, those close to a border moved straight away from it (a few times: there are corners)."""
    border = shapely.union_all(shapely.boundary(units))
    shapely.prepare(border)
    xy = np.array([f.xy for f in made])
    for _ in range(3):
        close = np.flatnonzero(shapely.dwithin(border, shapely.points(xy), OFF_BORDER_M))
        foot = shapely.get_coordinates(shapely.shortest_line(shapely.points(xy[close]), border))[1::2]
        away = xy[close] - foot
        length = np.maximum(np.hypot(*away.T), 0.01)[:, None]
        xy[close] = foot + away / length * (OFF_BORDER_M + 1.0)
    return [replace(f, xy=(round(x, 2), round(y, 2))) for f, (x, y) in zip(made, xy.tolist(), strict=True)]


def door(lattice: Lattice, near: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    """Return a place beside the street corner nearest to a point."""
    corner = lattice.doorstep(near)
    x, y = corner + np.array(DOOR_M) * rng.choice((-1.0, 1.0), 2)
    return round(float(x), 2), round(float(y), 2)


def _of_village(
    places: Places, streets: list[Lattice], planted: Planted, k: int, rng: np.random.Generator
) -> list[Facility]:
    name = str(places.name[k])
    kind = rng.choice(("village_clinic", "village_clinic_centre", "village_clinic_general"), p=(0.5, 0.15, 0.35))
    clinic = Facility(
        f"{name}卫生室",
        str(kind),
        "private" if k in planted.private else "collective",
        door(streets[k], places.xy[k], rng),
        k,
        beds=0,
        doctors=int(rng.integers(1, 4)),
        nurses=int(rng.integers(0, 2)),
        staff=int(rng.integers(1, 5)),
        services=_services(rng, 3),
        tcm_methods=int(rng.integers(0, 7)),
        hours="08:00-18:00",
        service="clinic",
    )
    beside = door(streets[k], places.xy[k] + np.array([60.0, -40.0]), rng)
    found = [clinic, _ground(f"{name}健身广场", "activity_ground", "collective", beside, k)]
    if rng.random() < 0.15:
        found.append(
            _other(f"{name}幸福院", "mutual_aid_courtyard", "collective", door(streets[k], places.xy[k], rng), k)
        )
    return found


def _of_committee(places: Places, streets: list[Lattice], k: int, rng: np.random.Generator) -> list[Facility]:
    name = str(places.name[k])
    station = Facility(
        f"{name}卫生服务站",
        "community_health_station",
        str(rng.choice(("government", "private", "non_profit"), p=(0.75, 0.15, 0.1))),
        door(streets[k], places.xy[k], rng),
        k,
        beds=int(rng.integers(0, 6)),
        doctors=int(rng.integers(2, 7)),
        nurses=int(rng.integers(2, 8)),
        staff=int(rng.integers(5, 18)),
        services=_services(rng, 5),
        tcm_methods=int(rng.integers(2, 9)),
        hours="08:00-20:00",
        service="station",
    )
    spread = places.xy[k] + rng.uniform(-350, 350, 2)
    kind = str(rng.choice(OPEN_AIR))
    title = f"{name}{facility_types()[kind].zh}"
    found = [station, _ground(title, kind, "government", door(streets[k], spread, rng), k)]
    if rng.random() < 0.5:
        found.append(
            _other(f"{name}日间照料中心", "day_care_centre", "non_profit", door(streets[k], places.xy[k], rng), k)
        )
    if rng.random() < 0.35:
        found.append(_other(f"{name}托育园", "nursery", "private", door(streets[k], places.xy[k], rng), k))
    return found


def _of_town(
    land: Land, places: Places, streets: list[Lattice], town: int, name: str, rng: np.random.Generator
) -> list[Facility]:
    mine = np.flatnonzero((places.town == town) & (places.kind != "village"))
    if not len(mine):
        return []
    k = int(mine[0])
    is_town = town < land.preset.towns
    kind = "township_health_centre" if is_town else "community_health_centre"
    title = f"{name}卫生院" if is_town else f"{name}社区卫生服务中心"
    at = door(streets[k], places.xy[k] + np.array([90.0, 70.0]), rng)
    beds = int(rng.integers(20, 120))
    found = [
        Facility(
            title,
            kind,
            "government",
            at,
            k,
            grade="一级",
            beds=beds,
            doctors=beds // 4 + 4,
            nurses=beds // 4 + 6,
            staff=beds // 2 + 16,
            ambulances=1,
            negative_pressure=int(rng.random() < 0.4),
            services=_services(rng, 7),
            tcm_methods=int(rng.integers(4, 11)),
            hours="00:00-24:00",
        )
    ]
    hosted = (("vaccination_clinic", "预防接种门诊"), ("fever_sentinel_room", "发热哨点诊室"), ("tcm_hall", "中医馆"))
    found += [
        Facility(f"{name}{word}", code, "government", at, k, host=title, hours="08:00-17:30")
        for code, word in hosted
        if rng.random() < 0.85
    ]
    if town in (1, 4) and is_town and len(places.of_kind("village")):
        villages = np.flatnonzero((places.town == town) & (places.kind == "village"))
        other = int(villages[np.argmax(np.hypot(*(places.xy[villages] - places.xy[k]).T))])
        branch = door(streets[other], places.xy[other], rng)
        found.append(replace(found[0], name=f"{title}分院", xy=branch, place=other, beds=12, ambulances=0, host=title))
    found.append(_other(f"{name}卫生健康监督协管站", "supervision_station", "government", at, k))
    found.append(_other(f"{name}敬老院", "elderly_home", "government", door(streets[k], places.xy[k], rng), k))
    return found


def _of_county(land: Land, places: Places, streets: list[Lattice], rng: np.random.Generator) -> list[Facility]:
    """Return the county's own institutions, and one of each type that stands nowhere else."""
    core = places.of_kind("core")
    hub = int(core[np.argmin(np.hypot(*(places.xy[core] - land.core_xy).T))])
    lattice, county = streets[hub], land.preset.county

    def at(share: float = 0.45) -> tuple[float, float]:
        return door(lattice, land.core_xy + rng.uniform(-share, share, 2) * land.core_m, rng)

    middle = door(lattice, land.core_xy, rng)
    big = (
        ("人民医院", "general_hospital", middle, "二级甲等", 600, 5),
        ("中医医院", "tcm_hospital", at(0.3), "二级甲等", 240, 2),
        ("妇幼保健院", "mch_hospital", at(0.3), "二级", 160, 2),
    )
    found = [
        Facility(
            f"{county}{word}",
            code,
            "government",
            xy,
            hub,
            grade=grade,
            beds=beds,
            doctors=beds // 3,
            nurses=beds // 2,
            staff=beds,
            ambulances=cars,
            negative_pressure=cars // 2,
            services="、".join(SERVICES),
            tcm_methods=12,
            hours="00:00-24:00",
        )
        for word, code, xy, grade, beds, cars in big
    ]
    found.append(
        Facility(f"{county}急救中心", "emergency_centre", "government", middle, hub, ambulances=4, host=found[0].name)
    )
    found += [
        replace(found[-1], name=f"{county}{facility_types()[code].zh}", type=code, ambulances=1, host=found[-1].name)
        for code in ("emergency_subcentre", "emergency_substation")
    ]
    have = {"emergency_subcentre", "emergency_point", "emergency_substation", "county_medical_subcentre"}
    have |= {"regional_medical_centre", *(f.type for f in found)}
    for number, code in enumerate(_single_types(have, of_place=bool(land.preset.plan))):
        kind = "健身场所" if _is_under(code, "fitness") else "其他服务设施"
        owner = str(rng.choice(("government", "private", "non_profit"), p=(0.6, 0.3, 0.1)))
        found.append(Facility(facility_title(facility_types()[code].zh, number), code, owner, at(), hub, sheet=kind))
    return found


def _single_types(have: set[str], *, of_place: bool) -> list[str]:
    """Return the types that are nobody's group, are places, and that no settlement gets anyway."""
    usual = {"village_clinic_centre", "village_clinic_general", "community_health_station", "activity_ground"}
    groups = {term.parent for term in facility_types().values()}
    left_out = NEVER_SINGLE if of_place else NEVER_SINGLE | PLACES_ALONE
    return [
        code
        for code in facility_types()
        if code not in groups
        and code not in NO_PLACE
        and code not in have | usual | left_out
        and code != "village_clinic_service_point"
    ]


def _is_under(code: str, group: str) -> bool:
    terms = facility_types()
    at: str | None = code
    while at is not None:
        if at == group:
            return True
        at = terms[at].parent
    return False


def _services(rng: np.random.Generator, most: int) -> str:
    count = int(rng.integers(1, most + 1))
    return "、".join(SERVICES[k] for k in sorted(rng.permutation(len(SERVICES))[:count].tolist()))


def _ground(name: str, code: str, owner: str, xy: tuple[float, float], k: int) -> Facility:
    return Facility(name, code, owner, xy, k, sheet="健身场所", hours="06:00-21:00", service="fitness")


def _other(name: str, code: str, owner: str, xy: tuple[float, float], k: int) -> Facility:
    return Facility(name, code, owner, xy, k, sheet="其他服务设施", hours="08:00-18:00")


def existing(places: Places, made: list[Facility], draws: Draws) -> list[Facility]:
    """Return the facilities that exist; a few clinics say that they also serve the nearest village without one."""
    result = [facility for facility in made if draws.keeps(facility)]
    lacking = np.flatnonzero((places.kind == "village") & ~draws.clinic)
    clinics = {f.place: i for i, f in enumerate(result) if f.service == "clinic" and not f.host}
    for k in lacking[::4].tolist():
        town = [p for p in clinics if places.town[p] == places.town[k]]
        if town:
            near = min(town, key=lambda p: float(np.hypot(*(places.xy[p] - places.xy[k]))))
            row = clinics[near]
            result[row] = replace(result[row], serves=f"{places.name[near]}、{places.name[k]}")
    return result


def regional(home: Facility, code: str) -> Facility:
    """Return a facility of a regional type beside another one."""
    title = facility_types()[code].zh
    name = home.name.removesuffix("卫生室")
    hours = "00:00-24:00"
    return Facility(
        f"{name}{title}", code, "government", home.xy, home.place, ambulances=2, host=home.name, hours=hours
    )

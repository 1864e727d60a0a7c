"""The judges: every kind of requirement on worlds small enough for a hand, and the worked examples of the register.

What is expected was reckoned by hand; a comment shows how where it is not plain.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

from servicecircle.analysis.bench import Bench
from servicecircle.analysis.doubt import with_doubt
from servicecircle.analysis.evaluate import CriterionCoverage, ReachCache, evaluate
from servicecircle.analysis.finding import Finding, Item, Reading, common
from servicecircle.analysis.fleet import vehicles_needed
from servicecircle.analysis.holdings import Holdings
from servicecircle.analysis.judge import JUDGES, judge_all
from servicecircle.analysis.summary import CriterionSummary, count_people, summarise, verdicts_of
from servicecircle.analysis.world import World
from servicecircle.demand.pieces import Demand
from servicecircle.geo.crossings import Crossings
from servicecircle.geo.crs import WorkingCrs
from servicecircle.inputs.assets import towns_of
from servicecircle.inputs.tables import ASSETS, LINKED
from servicecircle.inputs.units import unit_kind
from servicecircle.outputs.scorecard import Part, rows_of, scorecard, shortfalls, state_of, verdict_of
from servicecircle.standards.catalogue import load_catalogue
from servicecircle.standards.kinds import STANDARD
from servicecircle.study import Gap
from servicecircle.travel.entrances import Entrances
from servicecircle.travel.reach import Places, StraightWalk
from tests import small_study as small

if TYPE_CHECKING:
    from pathlib import Path

    from servicecircle.standards.model import Standard

LON, LAT = 117.0, 35.0
GEOD = pyproj.Geod(ellps="WGS84")
NOTHING = Crossings(np.zeros(0, dtype=object), np.zeros(0, dtype=bool))
REGISTERED, RESIDENTS = 372_034.0, 330_100.0


@dataclass(frozen=True)
class Place:
    """A facility; ``unit`` is the id of the unit it lies in, empty outside the area; ``m`` metres east of the origin."""

    id: str
    type: str = "hospital"
    unit: str = "u0"
    ownership: str = ""
    m: float = 0.0
    has: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Home:
    """A unit and its people, who live at one point ``m`` metres east of the origin."""

    id: str
    persons: float = 100.0
    name: str = ""
    town: str = ""
    area_class: str = "rural"
    m: float = 0.0
    basis: str = "surveyed"
    has: Mapping[str, float] = field(default_factory=dict)


def world_of(
    places: Sequence[Place] = (),
    homes: Sequence[Home] = (Home("u0"),),
    *,
    area: Mapping[str, float] | None = None,
    towns: Mapping[str, Mapping[str, float]] | None = None,
    links: Sequence[tuple[str, str, str]] = (),
    closed: Sequence[Place] = (),
    groups: Mapping[str, Sequence[float]] | None = None,
) -> World:
    """A world without roads: straight distances only. ``closed`` are known to an input but do not work now."""
    row_of = {home.id: row for row, home in enumerate(homes)}

    def frame(some: Sequence[Place]) -> pd.DataFrame:
        at = [east(place.m) for place in some]
        return pd.DataFrame(
            {
                "id": [place.id for place in some],
                "name": [place.id.upper() for place in some],
                "type": [place.type for place in some],
                "ownership": [place.ownership for place in some],
                "lon": [lon for lon, _ in at],
                "lat": [lat for _, lat in at],
                "unit": np.array([row_of.get(place.unit, -1) for place in some], dtype=np.int64),
            }
        )

    working = sorted(places, key=lambda place: place.id)
    facilities = frame(working)
    at = [east(home.m) for home in homes]
    lon, lat = np.array([lon for lon, _ in at]), np.array([lat for _, lat in at])
    rows, people = np.arange(len(homes)), np.array([home.persons for home in homes], dtype=float)
    given = {name: np.array(values, dtype=float) for name, values in (groups or {}).items()}
    demand = Demand(lon, lat, people, rows, rows, rows, people, float(people.sum()), 0.0, groups=given)
    units = gpd.GeoDataFrame(
        {
            "id": [home.id for home in homes],
            "name": [home.name or home.id for home in homes],
            "parent": [home.town for home in homes],
            "kind": [unit_kind(home.name) for home in homes],
            "area_class": [home.area_class for home in homes],
            "class_basis": "column",
            "basis": [home.basis for home in homes],
        },
        geometry=shapely.points(lon, lat),
        crs="EPSG:4326",
    )
    doors = Places(facilities["lon"].to_numpy(dtype=float), facilities["lat"].to_numpy(dtype=float), {})
    entrances = Entrances(doors, np.arange(len(facilities)), np.full(len(facilities), "point"))
    held = [
        *(("facility", place.id, *one) for place in (*working, *closed) for one in place.has.items()),
        *(("unit", home.id, *one) for home in homes for one in home.has.items()),
        *(("town", name, *one) for name, values in (towns or {}).items() for one in values.items()),
        *(("area", "", *one) for one in (area or {}).items()),
    ]
    assets = pd.DataFrame([(*one, "", "a.csv", 1, "") for one in held], columns=list(ASSETS))
    walk = StraightWalk(WorkingCrs((LON, LAT, LON + 0.2, LAT + 0.1)), NOTHING, 1000)
    return World(
        demand, units, facilities, pd.concat([facilities, frame(closed)], ignore_index=True), cast("Any", None), {},
        Places(lon, lat, {}), entrances, walk, Gap(), Holdings(assets), pd.DataFrame(links, columns=list(LINKED)),
    )  # fmt: skip


def east(metres: float) -> tuple[float, float]:
    """A place some geodesic metres east of the origin."""
    lon, lat, _ = GEOD.fwd(LON, LAT, 90.0, metres)
    return float(lon), float(lat)


def record(kind: str, name: str = "r", **values: Any) -> Standard:
    return STANDARD.validate_python({"id": f"t/{name}", "title": {"zh": name, "en": name}, "kind": kind} | values)


def as_table(kind: str, name: str, **values: Any) -> dict[str, Any]:
    """The record as a study writes it."""
    return {"id": f"t/{name}", "title": {"zh": name, "en": name}, "kind": kind} | values


def judged(world: World, *standards: Standard) -> Finding:
    """The finding of the last standard; the others are those it is made of."""
    return judge_all(Bench(world, ReachCache(world)), standards)[-1]


def found(world: World, kind: str, **values: Any) -> Finding:
    return judged(world, record(kind, **values))


def beds(*given: float | None, **more: Any) -> list[Place]:
    """Hospitals with so many beds each; None: not known."""
    return [Place(f"h{k}", has={} if n is None else {"beds": n}, **more) for k, n in enumerate(given)]


def readings(finding: Finding) -> dict[str, tuple[float | None, str]]:
    return {reading.name: (reading.value, reading.verdict) for reading in finding.readings}


def listed(finding: Finding, why: str = "fails") -> set[str]:
    return {item.id for item in finding.items if item.why == why}


def test_every_kind_that_is_not_measured_at_homes_has_a_judge() -> None:
    kinds = {standard.kind for standard in load_catalogue().values()} - {"circle", "radius", "presence"}
    assert kinds <= {*JUDGES, "composite", "cross_boundary"}


# ratio


def test_ratio_of_dalad_beds_has_two_gaps_for_two_bases() -> None:
    world = world_of(beds(1000.0, 715.0), area={"resident_population": RESIDENTS, "registered_population": REGISTERED})
    finding = found(world, "ratio", asset="beds", per_people=1000, at_least=6.8)
    # 6.8 x 372.034 = 2529.8 -> 2530 - 1715; 6.8 x 330.1 = 2244.7 -> 2245 - 1715
    assert {reading.name: reading.short for reading in finding.readings} == {
        "basis.resident": 530.0,
        "basis.registered": 815.0,
    }
    assert finding.value == pytest.approx(5.19539, abs=1e-5)
    assert (finding.verdict, finding.short_unit, finding.unit) == ("not met", "beds", "per_1000")
    assert finding.parameters["supply"] == 1715.0


@pytest.mark.parametrize(
    ("count", "bounds", "verdict", "short"),
    [
        (68.0, {"at_least": 6.8}, "met", 0.0),  # exactly the floor
        (67.0, {"at_least": 6.8}, "not met", 1.0),
        (66.0, {"at_most": 6.6}, "met", 0.0),  # exactly the ceiling
        (71.0, {"at_most": 6.6}, "not met", 5.0),
        (10.0, {"at_least": 1.0, "at_most": 1.5}, "met", 0.0),
        (15.0, {"at_least": 1.0, "at_most": 1.5}, "met", 0.0),
        (9.0, {"at_least": 1.0, "at_most": 1.5}, "not met", 1.0),
        (16.0, {"at_least": 1.0, "at_most": 1.5}, "not met", 1.0),
        (12.0, {}, "no target printed", None),
        (12.0, {"reference": "全国平均水平"}, "no target printed", None),
    ],
)
def test_ratio_floor_ceiling_and_band(count: float, bounds: dict[str, Any], verdict: str, short: float | None) -> None:
    finding = found(world_of(beds(count), [Home("u0", 10_000.0)]), "ratio", asset="beds", per_people=1000, **bounds)
    assert (finding.value, finding.verdict, finding.short) == (pytest.approx(count / 10), verdict, short)


@pytest.mark.parametrize(
    ("given", "bounds", "verdict"),
    [
        ((50.0, None), {"at_least": 6.0}, "no data"),  # the other may have them
        ((60.0, None), {"at_least": 6.0}, "met"),  # whatever the other has
        ((60.0, None), {"at_most": 6.0}, "no data"),
        ((61.0, None), {"at_most": 6.0}, "not met"),
        ((60.0, None), {"at_least": 5.0, "at_most": 7.0}, "no data"),
    ],
)
def test_ratio_with_a_hospital_nobody_counted_is_neither_met_nor_failed_unless_certain(
    given: tuple[float | None, ...], bounds: dict[str, Any], verdict: str
) -> None:
    finding = found(world_of(beds(*given), [Home("u0", 10_000.0)]), "ratio", asset="beds", per_people=1000, **bounds)
    assert (finding.verdict, finding.unknown) == (verdict, 1)


def test_ratio_depends_on_the_people_where_the_plan_names_none() -> None:
    area = {"resident_population": 10_000.0, "registered_population": 20_000.0}
    world = world_of(beds(68.0), area=area)
    both = found(world, "ratio", asset="beds", per_people=1000, at_least=6.8)
    assert both.verdict == "depends on reading or mode"
    assert readings(both) == {"basis.resident": (6.8, "met"), "basis.registered": (3.4, "not met")}
    for basis, verdict in (("resident", "met"), ("registered", "not met")):
        assert found(world, "ratio", asset="beds", per_people=1000, at_least=6.8, basis=basis).verdict == verdict
    planned = {"asset": "beds", "per_people": 1000, "basis": "planning", "planning_persons": 5000.0}
    assert readings(found(world, "ratio", **planned)) == {"basis.planning": (13.6, "no target printed")}


def test_ratio_without_people_of_its_basis_or_without_its_asset_is_no_data() -> None:
    world = world_of(beds(68.0))
    without = found(world, "ratio", asset="beds", per_people=1000, at_least=6.8, basis="registered")
    assert (without.state, without.missing) == ("no data", ("registered_population",))
    no_nurses = found(world, "ratio", asset="nurses", per_people=1000, at_least=3.0)
    assert (no_nurses.state, no_nurses.verdict, no_nurses.missing) == ("no data", "no data", ("nurses",))
    nobody = found(world_of(beds(68.0), [Home("u0", 0.0)]), "ratio", asset="beds", per_people=1000, at_least=6.8)
    assert nobody.state == "no data"
    nothing = found(world_of(), "ratio", asset="beds", per_people=1000, at_least=6.8)
    assert (nothing.state, nothing.missing) == ("no data", ("beds",))


def test_people_of_a_basis_come_from_the_area_its_units_or_its_towns() -> None:
    ratio = {"asset": "beds", "per_people": 1000, "basis": "registered"}
    homes = [Home("u0", town="甲镇", has={"registered_population": 400.0}), Home("u1", town="乙镇")]
    assert found(world_of(beds(10.0), homes), "ratio", **ratio).state == "no data"  # one unit is not told
    towns = {"甲镇": {"registered_population": 400.0}, "乙镇": {"registered_population": 600.0}}
    assert found(world_of(beds(10.0), homes, towns=towns), "ratio", **ratio).value == pytest.approx(10.0)
    area = {"registered_population": 2000.0}
    assert found(world_of(beds(10.0), homes, towns=towns, area=area), "ratio", **ratio).value == pytest.approx(5.0)


def test_ratio_takes_the_value_of_the_area_only_for_all_facilities() -> None:
    world = world_of(beds(50.0), [Home("u0", 10_000.0)], area={"beds": 80.0})
    assert found(world, "ratio", asset="beds", per_people=1000).value == pytest.approx(8.0)
    assert found(world, "ratio", asset="beds", per_people=1000, types=["hospital"]).value == pytest.approx(5.0)


def test_ratio_of_facilities_counts_those_inside_of_the_types_and_their_narrower_ones() -> None:
    places = [
        Place("a", "village_clinic"),
        Place("b", "village_clinic_centre"),
        Place("c", "village_clinic", unit=""),
        Place("d", "hospital"),
    ]
    world = world_of(places, [Home("u0", 1000.0)])
    finding = found(world, "ratio", asset="facilities", per_people=1000, types=["village_clinic"], at_least=2.0)
    assert (finding.value, finding.verdict) == (2.0, "met")
    absent = found(world, "ratio", asset="facilities", per_people=1000, types=["cdc"], at_least=2.0)
    assert (absent.state, absent.missing) == ("no data", ("cdc",))
    closed = world_of(places, [Home("u0", 1000.0)], closed=[Place("e", "cdc")])
    none = found(closed, "ratio", asset="facilities", per_people=1000, types=["cdc"], at_least=2.0)
    assert (none.value, none.verdict, none.short) == (0.0, "not met", 2.0)  # known, and none works


def test_ratio_of_two_assets_is_not_known_where_more_may_have_to_be_divided_by() -> None:
    given = {"asset": "nurses", "per_asset": "doctors", "at_least": 1.2}
    both = [Place("a", has={"nurses": 12.0, "doctors": 10.0})]
    assert found(world_of(both), "ratio", **given).verdict == "met"
    assert found(world_of([Place("a", has={"nurses": 11.0, "doctors": 10.0})]), "ratio", **given).short == 1.0
    doctors_unknown = [*both, Place("b", has={"nurses": 0.0})]
    assert found(world_of(doctors_unknown), "ratio", **given).verdict == "no data"
    few = [Place("a", has={"nurses": 11.0, "doctors": 10.0}), Place("b", has={"nurses": 0.0})]
    assert found(world_of(few), "ratio", **given).verdict == "not met"  # more doctors only lower it
    assert found(world_of([Place("a", has={"nurses": 11.0})]), "ratio", **given).missing == ("doctors",)


def test_ratio_of_what_a_level_runs_is_not_kept_open_by_parks_and_by_wards_without_beds() -> None:
    need = [{"has": "run_by", "one_of": ["county"]}]
    ratio = {"asset": "beds", "per_people": 1000, "at_least": 6.8, "needs": need}
    county = Place("a", has={"beds": 60.0, "run_by": 2.0})
    homes = [Home("u0", 10_000.0)]
    park, empty = Place("p", "health_theme_park"), Place("e", has={"beds": 0.0})
    assert found(world_of([county, park, empty], homes), "ratio", **ratio).verdict == "not met"
    other = Place("b", has={"beds": 20.0})  # who runs it is not known: perhaps the county
    finding = found(world_of([county, park, empty, other], homes), "ratio", **ratio)
    assert (finding.verdict, finding.unknown) == ("no data", 1)
    untold = found(world_of([other], homes), "ratio", **ratio)
    assert (untold.state, untold.missing) == ("no data", ("run_by",))
    elsewhere = found(world_of([Place("a", has={"beds": 60.0, "run_by": 3.0})], homes), "ratio", **ratio)
    assert (elsewhere.value, elsewhere.verdict) == (0.0, "not met")  # another runs all there are


def test_ratio_of_staff_per_1000_and_per_10000_is_one_requirement() -> None:
    world = world_of([Place("a", "cdc", has={"public_health_staff": 12.0})], [Home("u0", 10_000.0)])
    small_one = found(world, "ratio", asset="public_health_staff", per_people=1000, at_least=1.3)
    large_one = found(world, "ratio", asset="public_health_staff", per_people=10_000, at_least=13.0)
    assert (small_one.value, large_one.value) == (pytest.approx(1.2), pytest.approx(12.0))
    assert small_one.short == large_one.short == 1.0
    assert (small_one.unit, large_one.unit) == ("per_1000", "per_10000")
    shipped = judge_all(
        Bench(world, ReachCache(world)), [load_catalogue()["shanting/S20"], load_catalogue()["kangbashi/K18"]]
    )
    assert [finding.verdict for finding in shipped] == ["not met", "met"]  # 1.2 < 1.3 per 1000; 12 >= 8.3 per 10,000


# portion


@pytest.mark.parametrize(
    ("part", "low", "verdict", "short"),
    [(7.0, 0.07, "met", 0.0), (6.0, 0.07, "not met", 1.0), (24.0, 0.25, "not met", 1.0), (25.0, 0.25, "met", 0.0)],
)
def test_portion_of_all_together(part: float, low: float, verdict: str, short: float) -> None:
    places = [Place("a", has={"nursing_beds": part, "beds": 40.0}), Place("b", has={"nursing_beds": 0.0, "beds": 60.0})]
    finding = found(world_of(places), "portion", assets=["nursing_beds"], of="beds", at_least=low)
    assert (finding.value, finding.verdict, finding.short) == (pytest.approx(part / 100), verdict, short)


def test_portion_with_a_part_unknown_has_no_verdict_either_way() -> None:
    places = [Place("a", has={"nursing_beds": 30.0, "beds": 40.0}), Place("b", has={"beds": 60.0})]
    for bounds in ({"at_least": 0.25}, {"at_most": 0.25}):
        finding = found(world_of(places), "portion", assets=["nursing_beds"], of="beds", **bounds)
        assert (finding.verdict, finding.unknown, finding.value) == ("no data", 1, 0.75)
    nothing = found(world_of([Place("a", has={"beds": 40.0})]), "portion", assets=["nursing_beds"], of="beds")
    assert (nothing.state, nothing.missing) == ("no data", ("nursing_beds", "beds"))
    empty = [Place("a", has={"nursing_beds": 0.0, "beds": 0.0})]
    assert found(world_of(empty), "portion", assets=["nursing_beds"], of="beds", at_least=0.5).state == "no data"


def test_portion_of_private_beds_and_of_several_parts() -> None:
    places = [
        Place("a", ownership="government", has={"beds": 75.0}),
        Place("b", ownership="private", has={"beds": 15.0}),
        Place("c", ownership="non_profit", has={"beds": 10.0}),
    ]
    private = {"assets": ["beds"], "of": "beds", "part_ownership": ["private", "non_profit"], "at_least": 0.25}
    assert found(world_of(places), "portion", **private).verdict == "met"  # 25 of 100, exactly
    unknown = found(world_of([*places, Place("d", has={"beds": 1.0})]), "portion", **private)
    assert (unknown.verdict, unknown.unknown) == ("no data", 1)
    several = [Place("a", has={"nursing_beds": 3.0, "rehabilitation_beds": 2.0, "beds": 10.0})]
    two = {"assets": ["nursing_beds", "rehabilitation_beds"], "of": "beds"}
    assert found(world_of(several), "portion", **two).value == 0.5


def test_portion_of_each_fails_where_the_pooled_one_holds() -> None:
    def items(offered: float | None, scope: float | None) -> dict[str, float]:
        values = {"service_items_offered": offered, "service_items_in_scope": scope}
        return {name: value for name, value in values.items() if value is not None}

    given = {
        "assets": ["service_items_offered"],
        "of": "service_items_in_scope",
        "at_least": 0.8,
        "types": ["township_health_centre"],
    }
    of_type = "township_health_centre"
    places = [Place("a", of_type, has=items(7, 10)), Place("b", of_type, has=items(10, 10))]
    assert found(world_of(places), "portion", **given).verdict == "met"  # 17 of 20
    each = found(world_of(places), "portion", each=True, **given)
    assert (each.verdict, each.value, each.short, listed(each)) == ("not met", 0.7, 1.0, {"a"})
    fine = [Place("a", of_type, has=items(8, 10)), Place("b", of_type, has=items(0, 0))]
    assert found(world_of(fine), "portion", each=True, **given).verdict == "met"  # nothing in scope, nothing to offer
    untold = [Place("a", of_type, has=items(8, 10)), Place("b", of_type, has=items(None, 10))]
    finding = found(world_of(untold), "portion", each=True, **given)
    assert (finding.verdict, finding.unknown) == ("no data", 1)


# parity


def test_parity_is_one_where_supply_is_shared_as_people_are() -> None:
    homes = [Home("u0", 300.0, area_class="urban"), Home("u1", 100.0)]
    equal = [Place("a", has={"beds": 30.0}), Place("b", unit="u1", has={"beds": 10.0})]
    finding = found(world_of(equal, homes), "parity", asset="beds", tolerance=0.0)
    assert readings(finding) == {"class.urban": (1.0, "met"), "class.rural": (1.0, "met")}
    skewed = [Place("a", has={"beds": 32.0}), Place("b", unit="u1", has={"beds": 8.0})]
    # four fifths of the beds for three quarters of the people, and one fifth for a quarter
    uneven = found(world_of(skewed, homes), "parity", asset="beds", tolerance=0.1)
    assert readings(uneven) == {
        "class.urban": (pytest.approx(16 / 15), "met"),
        "class.rural": (pytest.approx(0.8), "not met"),
    }
    assert uneven.verdict == "not met"  # two sides of one requirement, not two readings of it
    assert found(world_of(skewed, homes), "parity", asset="beds").verdict == "no target printed"
    unknown = found(world_of([*equal, *[Place("c")]], homes), "parity", asset="beds", tolerance=0.1)
    assert (unknown.verdict, unknown.unknown) == ("no data", 1)
    assert found(world_of(equal, homes), "parity", asset="nurses").missing == ("nurses",)
    facilities = found(world_of(equal, homes), "parity", asset="facilities", types=["hospital"])
    assert facilities.value == pytest.approx(0.5 / 0.75)


# shares


@pytest.mark.parametrize(
    ("total", "share", "need"),
    [(5, 0.6, 3), (5, 0.8, 4), (10, 1.0, 10), (10, 0.7, 7), (10, 0.2, 2), (100, 0.07, 7), (100, 0.29, 29), (3, 0.5, 2)],
)
def test_share_asks_for_whole_facilities_by_exact_decimals(total: int, share: float, need: int) -> None:
    for yes, verdict, short in ((need, "met", 0.0), (need - 1, "not met", 1.0)):
        places = [Place(f"c{k:03d}", has={"standardised": float(k < yes)}) for k in range(total)]
        finding = found(
            world_of(places), "share", types=["hospital"], must=[{"has": "standardised"}], target_share=share
        )
        assert (finding.verdict, finding.short, finding.parameters["need"]) == (verdict, short, need)
        assert len(listed(finding)) == total - yes


def test_share_by_levels_is_cumulative() -> None:
    """Basic 100 %, provincial 70 %, recommended 20 % of 10: ordered levels, the higher counts for the lower."""
    places = [Place(f"c{k}", has={"service_standard": level}) for k, level in enumerate([1] * 3 + [2] * 5 + [3] * 2)]
    for level, share, yes in (("basic", 1.0, 10), ("provincial", 0.7, 7), ("recommended", 0.2, 2)):
        must = [{"has": "service_standard", "at_least": level}]
        finding = found(world_of(places), "share", types=["hospital"], must=must, target_share=share)
        assert (finding.verdict, finding.parameters["yes"]) == ("met", yes)
        more = found(world_of(places), "share", types=["hospital"], must=must, target_count=yes + 1)
        assert (more.verdict, more.short) == ("not met", 1.0)


def test_share_unknown_is_neither_yes_nor_no() -> None:
    def clinics(*states: float | None) -> World:
        return world_of([Place(f"c{k}", has={} if s is None else {"standardised": s}) for k, s in enumerate(states)])

    share = {"types": ["hospital"], "must": [{"has": "standardised"}], "target_share": 0.6}
    assert found(clinics(1, 1, 1, 0, None), "share", **share).verdict == "met"
    assert found(clinics(1, 1, 0, 0, None), "share", **share).verdict == "no data"
    assert found(clinics(1, 0, 0, 0, None), "share", **share).verdict == "not met"
    finding = found(clinics(1, 1, 0, 0, None), "share", **share)
    assert (listed(finding), listed(finding, "unknown"), finding.unknown) == ({"c2", "c3"}, {"c4"}, 1)
    nothing = found(clinics(None, None), "share", **share)
    assert (nothing.state, nothing.missing, nothing.unknown) == ("no data", ("standardised",), 2)
    assert found(world_of(), "share", **share).missing == ("hospital",)


def test_share_is_open_while_it_is_open_which_facilities_are_meant() -> None:
    share = {"types": ["hospital"], "must": [{"has": "standardised"}], "ownership": ["government"]}
    own = [Place(f"g{k}", ownership="government", has={"standardised": float(k < 4)}) for k in range(5)]
    untold = Place("x", has={"standardised": 0.0})
    assert found(world_of(own), "share", target_share=0.8, **share).verdict == "met"
    # of six it would be five: met or not as the sixth is the government's or not
    open_one = found(world_of([*own, untold]), "share", target_share=0.8, **share)
    assert (open_one.verdict, open_one.unknown) == ("no data", 1)
    assert found(world_of([*own, untold]), "share", target_count=4, **share).verdict == "met"
    assert found(world_of([*own, untold]), "share", target_count=6, **share).verdict == "not met"
    nobody = found(world_of([untold]), "share", target_share=0.8, **share)
    assert (nobody.state, nobody.missing) == ("no data", ("ownership",))
    private = [Place("p", ownership="private", has={"standardised": 1.0})]
    assert found(world_of(private), "share", target_count=2, **share).verdict == "not met"  # there is none
    assert found(world_of(private), "share", target_share=0.8, **share).verdict == "no data"  # a share of none


def test_unit_share_counts_towns_and_rounds_up() -> None:
    homes = [Home(f"u{k}", town=f"{name}镇") for k, name in enumerate("甲乙丙丁")] + [Home("u9", town="城关街道")]
    share = {"must": [{"has": "national_health_town"}], "unit_kinds": ["town"], "target_share": 0.7}

    def towns(*states: float | None) -> dict[str, dict[str, float]]:
        given = zip("甲乙丙丁", states, strict=True)
        return {f"{name}镇": {"national_health_town": state} for name, state in given if state is not None}

    # 70 % of 4 towns are 3; the street is none of them
    assert found(world_of(homes=homes, towns=towns(1, 1, 1, 0)), "unit_share", **share).verdict == "met"
    short = found(world_of(homes=homes, towns=towns(1, 1, 0, 0)), "unit_share", **share)
    assert (short.verdict, short.short, short.short_unit, listed(short)) == ("not met", 1.0, "towns", {"丙镇", "丁镇"})
    assert found(world_of(homes=homes, towns=towns(1, 1, None, 0)), "unit_share", **share).verdict == "no data"
    assert found(world_of(homes=homes), "unit_share", **share).missing == ("national_health_town",)
    assert found(world_of(), "unit_share", **share).missing == ("units",)


# floors of units


def test_unit_floor_one_failing_street_fails_although_the_mean_passes() -> None:
    homes = [Home(f"u{k}", town=name) for k, name in enumerate(("甲街道", "乙街道", "丙街道"))]
    towns = {"甲街道": {"t/r": 99.0}, "乙街道": {"t/r": 94.0}, "丙街道": {"t/r": 95.0}}
    finding = found(world_of(homes=homes, towns=towns), "unit_floor", at_least=95.0, unit_kinds=["street"])
    assert (finding.verdict, finding.value, finding.short, listed(finding)) == ("not met", 94.0, 1.0, {"乙街道"})
    assert finding.parameters["mean"] == pytest.approx(96.0)
    towns["乙街道"] = {"t/r": 95.0}
    assert found(world_of(homes=homes, towns=towns), "unit_floor", at_least=95.0).verdict == "met"
    del towns["乙街道"]
    unknown = found(world_of(homes=homes, towns=towns), "unit_floor", at_least=95.0)
    assert (unknown.verdict, listed(unknown, "unknown")) == ("no data", {"乙街道"})
    assert found(world_of(homes=homes), "unit_floor", at_least=95.0).state == "no data"
    ceiling = found(world_of(homes=homes, towns=towns), "unit_floor", at_most=95.0)
    assert (readings(ceiling), listed(ceiling)) == ({"largest": (99.0, "not met")}, {"甲街道"})


def test_unit_floor_of_an_asset_is_summed_over_the_facilities_of_a_unit() -> None:
    homes = [Home("u0", name="甲村"), Home("u1", name="乙村"), Home("u2", name="丙村"), Home("u3", name="城关社区")]
    floor = {"asset": "college_village_doctors", "per": "village", "unit_kinds": ["village"], "at_least": 1.0}

    def clinic(name: str, unit: str, doctors: float | None) -> Place:
        return Place(name, "village_clinic", unit, has={} if doctors is None else {"college_village_doctors": doctors})

    places = [clinic("a", "u0", 0.0), clinic("b", "u0", 1.0), clinic("c", "u1", 2.0)]
    finding = found(world_of(places, homes), "unit_floor", **floor)
    assert (finding.verdict, listed(finding), finding.value) == ("not met", {"u2"}, 0.0)  # no clinic, no doctor
    untold = [*places, clinic("d", "u2", None)]
    assert found(world_of(untold, homes), "unit_floor", **floor).verdict == "no data"
    half = [*places, clinic("d", "u2", 0.0), clinic("e", "u2", None)]
    finding = found(world_of(half, homes), "unit_floor", **floor)
    assert (finding.verdict, listed(finding, "unknown")) == ("no data", {"u2"})
    full = [*places, clinic("d", "u2", 1.0), clinic("e", "u2", None)]
    assert found(world_of(full, homes), "unit_floor", **floor).verdict == "met"
    nothing = found(world_of([clinic("a", "u0", None)], homes), "unit_floor", **floor)
    assert (nothing.state, nothing.missing) == ("no data", ("college_village_doctors",))


def test_unit_floor_may_count_the_facilities_themselves() -> None:
    homes = [Home("u0", town="甲镇"), Home("u1", town="甲镇"), Home("u2", town="乙镇")]
    places = [Place("a", unit="u0"), Place("b", unit="u1"), Place("c", unit="u2"), Place("d", unit="")]
    floor = {"asset": "facilities", "types": ["hospital"], "at_least": 2.0}
    finding = found(world_of(places, homes), "unit_floor", **floor)
    assert (finding.verdict, listed(finding)) == ("not met", {"乙镇"})
    assert found(world_of(homes=homes), "unit_floor", **floor).missing == ("hospital",)


# fleets


def test_fleet_for_412454_people_is_14_vehicles_and_42_at_300_percent() -> None:
    assert (vehicles_needed(412_454, 30_000), vehicles_needed(412_454, 30_000, 3.0)) == (14, 42)
    assert vehicles_needed(541_743, 30_000) == 19
    assert (vehicles_needed(420_000, 30_000), vehicles_needed(420_001, 30_000)) == (14, 15)
    assert vehicles_needed(300_000, 30_000, 1.1) == 11  # not 12 by the noise of 1.1
    homes = [Home("u0", 412_454.0)]
    for have, verdict, short in ((14.0, "met", 0.0), (13.0, "not met", 1.0)):
        world = world_of([Place("a", "emergency_centre", has={"ambulances": have})], homes)
        finding = found(world, "fleet", persons_per_vehicle=30_000)
        assert (finding.verdict, finding.short, finding.readings[0].low) == (verdict, short, 14.0)
        tripled = found(world, "fleet", persons_per_vehicle=30_000, multiplier=3.0)
        assert (tripled.verdict, tripled.short) == ("not met", 42 - have)
    two = [*(Place(f"h{k}", has={} if k else {"ambulances": 13.0}) for k in range(2))]
    assert found(world_of(two, homes), "fleet", persons_per_vehicle=30_000).verdict == "no data"
    assert found(world_of([Place("a")], homes), "fleet", persons_per_vehicle=30_000).missing == ("ambulances",)
    both = world_of(two[:1], homes, area={"registered_population": 390_000.0})
    assert found(both, "fleet", persons_per_vehicle=30_000).verdict == "depends on reading or mode"  # 14, and 13


def test_fleet_share_40_percent_of_14_is_6_vehicles() -> None:
    homes = [Home("u0", 412_454.0)]
    share = {"asset": "negative_pressure_ambulances", "share": 0.4, "persons_per_vehicle": 30_000}

    def world(special: float, all_of_them: float, *more: Place) -> World:
        has = {"negative_pressure_ambulances": special, "ambulances": all_of_them}
        return world_of([Place("a", has=has), *more], homes)

    assert found(world(6, 14), "fleet", **share).verdict == "met"
    short = found(world(5, 14), "fleet", **share)
    assert [(reading.name, reading.low, reading.short) for reading in short.readings] == [
        ("fleet.actual", 6.0, 1.0),
        ("fleet.needed.resident", 6.0, 1.0),
    ]
    # 4 are 40 % of the 10 there are, but not of the 14 that are needed
    assert found(world(4, 10), "fleet", **share).verdict == "depends on reading or mode"
    untold = Place("b", has={"negative_pressure_ambulances": 0.0})  # how many it has in all is not known
    assert readings(found(world(6, 14, untold), "fleet", **share)) == {
        "fleet.actual": (6.0, "no data"),
        "fleet.needed.resident": (6.0, "met"),
    }
    none = found(world(0, 0), "fleet", asset="negative_pressure_ambulances", share=0.4)
    assert none.state == "no data"  # a share of no vehicle is no number


@pytest.mark.parametrize(
    ("have", "most", "verdict", "short"),
    [(5.0, 5, "met", 0.0), (6.0, 5, "not met", 1.0), (6.0, None, "no target printed", None), (0.0, 0, "met", 0.0)],
)
def test_fleet_cap_is_unset_unless_the_plan_prints_it(
    have: float, most: int | None, verdict: str, short: float | None
) -> None:
    finding = found(world_of([Place("a", has={"ambulances": have})]), "fleet", cap=True, most=most)
    assert (finding.verdict, finding.short, finding.value) == (verdict, short, have)


# near each other


@pytest.mark.parametrize(("metres", "verdict"), [(200.0, "not met"), (200.002, "met"), (199.0, "not met")])
def test_exclusion_includes_the_very_limit(metres: float, verdict: str) -> None:
    world = world_of([Place("s", "school"), Place("x", "inspected_place", m=metres)])
    finding = found(world, "exclusion", types=["inspected_place"], around=["school"], limit_km=0.2)
    assert finding.verdict == verdict
    if verdict == "not met":
        assert [(item.id, item.parent, round(item.value or 0, 3)) for item in finding.items] == [("x", "S", metres)]
    assert (finding.short, finding.value) == (float(verdict == "not met"), float(verdict == "not met"))


def test_exclusion_of_one_class_across_the_border_and_of_what_is_not_known() -> None:
    rule = {"types": ["inspected_place"], "around": ["school"], "limit_km": 0.2}
    homes = [Home("u0", area_class="urban"), Home("u1")]
    shop, school = Place("x", "inspected_place"), Place("s", "school", "u1", m=100.0)
    assert found(world_of([shop, school], homes), "exclusion", **rule).verdict == "not met"
    assert found(world_of([shop, school], homes), "exclusion", area_class="rural", **rule).verdict == "not met"
    urban = found(world_of([shop, school], homes), "exclusion", area_class="urban", **rule)
    assert (urban.state, urban.missing) == ("no data", ("school",))
    neighbour = Place("s", "school", "", m=100.0)
    assert found(world_of([shop, neighbour], homes), "exclusion", **rule).verdict == "not met"
    assert found(world_of([shop, neighbour], homes), "exclusion", area_class="urban", **rule).state == "no data"
    beyond = Place("x", "inspected_place", "")  # not this area's business
    assert found(world_of([beyond, school], homes), "exclusion", **rule).verdict == "met"
    assert found(world_of([school], homes), "exclusion", **rule).missing == ("inspected_place",)
    assert found(world_of([shop], homes), "exclusion", **rule).missing == ("school",)
    owned = found(world_of([shop, school], homes), "exclusion", ownership=["private"], **rule)
    assert (owned.state, owned.missing) == ("no data", ("ownership",))
    far = Place("y", "inspected_place", ownership="private", m=900.0)
    some = found(world_of([shop, far, school], homes), "exclusion", ownership=["private"], **rule)
    assert (some.verdict, some.unknown) == ("no data", 1)


def test_exclusion_does_not_keep_a_place_away_from_itself() -> None:
    rule = {"types": ["school"], "around": ["school"], "limit_km": 0.2}
    alone = world_of([Place("s", "school"), Place("t", "school", m=500.0)])
    assert found(alone, "exclusion", **rule).verdict == "met"
    pair = world_of([Place("s", "school"), Place("t", "school", m=150.0)])
    assert {item.id for item in found(pair, "exclusion", **rule).items} == {"s", "t"}


def test_colocation_counts_those_with_a_partner_near() -> None:
    rule = {"types": ["village_clinic"], "partners": ["day_care_centre"], "limit_m": 100}
    clinics = [Place("a", "village_clinic"), Place("b", "village_clinic", m=1000.0)]
    partners = [Place("p", "day_care_centre", m=100.0), Place("q", "day_care_centre", "", m=1100.002)]
    world = world_of([*clinics, *partners])
    finding = found(world, "colocation", target_count=1, **rule)
    assert (finding.verdict, finding.value, listed(finding, "alone")) == ("met", 0.5, {"b"})
    assert found(world, "colocation", target_count=2, **rule).short == 1.0
    assert found(world, "colocation", **rule).verdict == "no target printed"
    across = world_of([*clinics, Place("q", "day_care_centre", "", m=1100.0)])
    assert listed(found(across, "colocation", **rule), "alone") == {"a"}  # a partner across the border is near too
    assert found(world_of(clinics), "colocation", **rule).missing == ("day_care_centre",)
    shut = world_of(clinics, closed=[partners[0]])
    assert found(shut, "colocation", target_count=1, **rule).verdict == "not met"
    assert found(world_of(partners), "colocation", **rule).missing == ("village_clinic",)


# several services


def test_nearest_counts_people_by_band_and_names_what_is_missing(tmp_path: Path) -> None:
    """Along a street at 1 m/s: a clinic at 0 m, a hospital at 900 m, people at 100 m (30) and at 700 m (10)."""
    services = {"services": ["clinic", "hospital", "cdc"], "mode": "walk", "bands_min": [5, 15]}
    study = small.SmallStudy(
        units=[small.Unit("U", (-100, 0, 1100, 100))],
        facilities=[small.Facility(0, 50), small.Facility(900, 50, "hospital")],
        standards=[as_table("nearest", "near", **services), as_table("nearest", "none", services=["cdc"], mode="walk")],
        people=[small.People(100, 50, 30, "p"), small.People(700, 50, 10, "q")],
    )
    results = study.run(tmp_path)
    rows = scorecard(results).set_index("row")
    assert rows["state"].to_dict() == {"near": "computed", "none": "no data"}
    assert rows["verdict"].to_dict() == {"near": "no target printed", "none": "no data"}
    first, second = results.findings
    assert readings(first) == {
        "all_services": (0.0, "no target printed"),
        "service:clinic:5": (0.75, "no target printed"),  # 100 s; 700 s is more than 300
        "service:clinic:15": (1.0, "no target printed"),
        "service:hospital:5": (0.25, "no target printed"),  # 800 s, 200 s
        "service:hospital:15": (1.0, "no target printed"),
    }
    assert first.parameters["median_min:clinic"] == pytest.approx(100 / 60, abs=0.01)
    assert first.parameters["median_min:hospital"] == pytest.approx(800 / 60, abs=0.01)
    assert (first.missing, listed(first, "none_known"), first.verdict) == (("cdc",), {"cdc"}, "no target printed")
    assert (second.state, second.missing) == ("no data", ("cdc",))


def test_nearest_of_a_group_the_study_does_not_give_is_no_data() -> None:
    finding = found(world_of(beds(1.0)), "nearest", services=["hospital"], group="65+")
    assert (finding.state, finding.missing) == ("no data", ("group:65+",))


def test_inventory_counts_by_type_and_tells_the_unknown() -> None:
    places = [Place("a", "hospice"), Place("b", "nursing_home"), Place("c", "nursing_home"), Place("d", "hospice", "")]
    finding = found(world_of(places), "inventory", types=["hospice", "nursing_home", "cdc"])
    assert readings(finding) == {
        "value": (3.0, "no target printed"),
        "type:hospice": (1.0, "no target printed"),
        "type:nursing_home": (2.0, "no target printed"),
    }
    assert (finding.missing, finding.verdict) == (("cdc",), "no target printed")
    assert found(world_of(places), "inventory", types=["cdc"]).state == "no data"
    shut = world_of(places, closed=[Place("z", "cdc")])
    assert readings(found(shut, "inventory", types=["cdc"]))["type:cdc"] == (0.0, "no target printed")
    new = {"types": ["hospice"], "needs": [{"has": "new_or_converted"}]}
    untold = found(world_of(places), "inventory", **new)
    assert (untold.state, untold.missing, untold.unknown) == ("no data", ("new_or_converted",), 1)
    told = [Place("a", "hospice", has={"new_or_converted": 1.0}), Place("b", "hospice")]
    some = found(world_of(told), "inventory", **new)
    assert (some.value, some.unknown) == (1.0, 1)


# networks


NETWORK = [
    {"per": "county", "types": ["cdc"]},
    {"per": "township", "types": ["township_health_centre"]},
    {"per": "village", "types": ["village_clinic"]},
]
FOUR = [Home("u0", town="甲镇"), Home("u1", town="甲镇"), Home("u2", town="乙镇"), Home("u3", basis="block")]
COMPLETE = [
    Place("c", "cdc", "u0"),
    Place("t0", "township_health_centre", "u0"),
    Place("t1", "township_health_centre", "u2"),
    *(Place(f"v{k}", "village_clinic", f"u{k}") for k in range(3)),
]


def test_tiers_are_judged_level_by_level() -> None:
    assert found(world_of(COMPLETE, FOUR), "tiers", tiers=NETWORK).verdict == "met"  # a block is no village
    lacking = [place for place in COMPLETE if place.id not in ("t1", "v1")]
    finding = found(world_of(lacking, FOUR), "tiers", tiers=NETWORK)
    assert (finding.verdict, finding.short, listed(finding, "none_in_unit")) == ("not met", 2.0, {"乙镇", "u1"})
    assert readings(finding) == {
        "all_tiers": (pytest.approx((1 + 1 / 2 + 2 / 3) / 3), "not met"),
        "tier.county": (1.0, "met"),
        "tier.township": (0.5, "not met"),
        "tier.village": (pytest.approx(2 / 3), "not met"),
    }
    without = [place for place in COMPLETE if place.type != "cdc"]
    assert found(world_of(without, FOUR), "tiers", tiers=NETWORK).missing == ("cdc",)
    shut = world_of(without, FOUR, closed=[COMPLETE[0]])
    assert found(shut, "tiers", tiers=NETWORK).verdict == "not met"


def test_tiers_with_links_list_the_missing_link() -> None:
    sent = [("t0", "refers_to", "c"), ("t1", "refers_to", "c"), ("v0", "refers_to", "t0"), ("v1", "refers_to", "t0")]
    linked = {"tiers": NETWORK, "links": True}
    whole = [*sent, ("v2", "refers_to", "c")]  # any level above will do
    assert found(world_of(COMPLETE, FOUR, links=whole), "tiers", **linked).verdict == "met"
    same_level = [*sent, ("v2", "refers_to", "v1")]
    for given in (sent, same_level):
        finding = found(world_of(COMPLETE, FOUR, links=given), "tiers", **linked)
        assert (finding.verdict, listed(finding, "no_link"), finding.short) == ("not met", {"v2"}, 1.0)
        assert readings(finding)["links"] == (pytest.approx(4 / 5), "not met")
    untold = found(world_of(COMPLETE, FOUR), "tiers", **linked)
    assert (untold.verdict, readings(untold)["links"]) == ("no data", (None, "no data"))


def radius(name: str = "near", **values: Any) -> Standard:
    return record("radius", name, **({"types": ["hospital"], "measures": ["straight"], "limit_km": 1.0} | values))


def test_cross_boundary_is_what_the_neighbours_add() -> None:
    homes = [Home("u0", 70.0), Home("u1", 30.0, m=5000.0)]
    places = [Place("in", m=900.0), Place("out", unit="", m=5500.0), Place("clinic", "village_clinic", "", m=5500.0)]
    other = record("cross_boundary", of="t/near")
    finding = judged(world_of(places, homes), radius(), other)
    assert readings(finding) == {"criterion:t/near/straight": (30.0, "no target printed")}
    assert (finding.unit, finding.parameters["facilities_outside"]) == ("persons", 1)
    assert judged(world_of(places[:1], homes), radius(), other).value == 0.0
    assert judged(world_of(places[1:], homes), radius(), other).value == 30.0  # all that is covered
    assert judged(world_of(homes=homes), radius(), other).missing == ("hospital",)
    old = world_of(places, homes, groups={"65+": [7.0, 3.0]})
    assert judged(old, radius(group="65+"), other).value == 3.0
    assert judged(old, radius(group="0-3"), other).missing == ("group:0-3",)


def reported(name: str, **values: Any) -> Standard:
    return record("reported", name, **({"at_least": 90.0} | values))


def test_composite_asks_for_all_or_for_so_many() -> None:
    parts = [reported(name) for name in "abc"]

    def verdict(*values: float | None, need: int | None = None, standards: Sequence[Standard] = parts) -> Finding:
        area = {f"t/{name}": value for name, value in zip("abc", values, strict=True) if value is not None}
        return judged(world_of(area=area), *standards, record("composite", of=["t/a", "t/b", "t/c"], need=need))

    assert verdict(90.0, 95.0, 99.0).verdict == "met"
    one = verdict(90.0, 95.0, 89.0)
    assert (one.verdict, one.value, one.short, listed(one, "not met")) == ("not met", 2.0, 1.0, {"t/c"})
    assert verdict(90.0, 95.0, None).verdict == "no data"
    assert verdict(90.0, 89.0, None).verdict == "not met"
    assert verdict(90.0, 95.0, None, need=2).verdict == "met"
    assert verdict(90.0, None, None, need=2).verdict == "no data"
    assert verdict(89.0, 89.0, None, need=2).verdict == "not met"
    open_one = [*parts[:2], record("ratio", "c", asset="beds", per_people=1000)]
    world = world_of(beds(5.0), area={"t/a": 95.0, "t/b": 95.0})
    composite = record("composite", of=["t/a", "t/b", "t/c"])
    assert judged(world, *open_one, composite).verdict == "no target printed"  # nothing to miss, nothing unknown
    borrowed = [*parts[:2], reported("c", borrowed="t/a")]
    assert verdict(95.0, 95.0, 95.0, standards=borrowed).verdict == "no target printed"


def test_composite_takes_circles_radii_and_presences_by_their_own_targets() -> None:
    homes = [Home("u0", 90.0), Home("u1", 10.0, m=5000.0)]
    parts = [radius(target_share=0.9), record("presence", "each", types=["hospital"], target_share=1.0)]
    composite = record("composite", of=["t/near", "t/each"])
    finding = judged(world_of([Place("a")], homes), *parts, composite)
    assert (finding.verdict, listed(finding, "not met")) == ("not met", {"t/each"})
    both = world_of([Place("a"), Place("b", unit="u1", m=5000.0)], homes)
    assert judged(both, *parts, composite).verdict == "met"
    nothing = judged(world_of(homes=homes), *parts, composite)
    assert (nothing.state, nothing.verdict, nothing.missing) == ("no data", "no data", ("t/near", "t/each"))


# what is not measured


@pytest.mark.parametrize(
    ("value", "bounds", "verdict", "short"),
    [
        (95.0, {"at_least": 95.0}, "met", 0.0),
        (94.9, {"at_least": 95.0}, "not met", pytest.approx(0.1)),
        (20.0, {"at_most": 20.0}, "met", 0.0),
        (25.0, {"at_most": 20.0}, "not met", 5.0),
        (12.0, {"at_least": 15.0, "at_most": 20.0}, "not met", 3.0),
        (25.0, {"at_least": 15.0, "at_most": 20.0}, "not met", 5.0),
        (12.0, {}, "reported", None),
    ],
)
def test_reported_values_are_compared(value: float, bounds: dict[str, Any], verdict: str, short: Any) -> None:
    finding = found(world_of(area={"t/r": value}), "reported", **bounds)
    assert (finding.state, finding.verdict, finding.value, finding.short) == ("reported", verdict, value, short)


def test_reported_siting_and_context_without_a_value() -> None:
    nothing = found(world_of(), "reported", at_least=95.0)
    assert (nothing.state, nothing.verdict, nothing.missing) == ("no data", "no data", ("reported",))
    decision = found(world_of(), "siting", types=["hospital"], count=2)
    assert (decision.state, decision.missing) == ("no data", ("siting",))
    context = found(world_of(), "context", reason={"zh": "率", "en": "a rate"})
    assert (context.state, context.verdict, context.readings) == ("not computable", "not computable", ())


# presence


def blanks(world: World, standard: Standard) -> set[str]:
    """Units or towns (by the units in them) the presence applies to that lack what is asked for."""
    entry = entry_of(world, standard)
    assert entry.presence is not None
    lacking = entry.applies & (entry.presence.count < entry.criterion.limit)
    return set(world.units["name"][lacking])


def entry_of(world: World, standard: Standard) -> CriterionCoverage:
    (entry,) = evaluate(world, standard.criteria()).criteria
    return entry


def summary_of(world: World, standard: Standard) -> CriterionSummary:
    entry = entry_of(world, standard)
    return summarise(world, entry, count_people(world, entry), assumed_target=1.0)


def test_presence_of_kangbashi_finds_the_two_communities_the_plan_names() -> None:
    communities = ["恩和社区", "学苑社区", "神华社区", "康和社区", "育才社区"]
    homes = [Home(f"u{k}", name=name, town="青春山街道") for k, name in enumerate(communities)]
    homes.append(Home("u8", name="寨子塔村", town="青春山街道"))
    places = [
        Place("a", "community_health_centre", "u2"),
        Place("b", "community_health_station", "u3"),
        Place("c", "community_health_station", "u4"),
        Place("d", "hospital", "u0"),
        Place("e", "pharmacy", "u1"),
    ]
    standard = load_catalogue()["kangbashi/K03"]
    world = world_of(places, homes)
    assert blanks(world, standard) == {"恩和社区", "学苑社区"}
    summary = summary_of(world, standard)
    assert (summary.units, summary.units_every, summary.verdict) == (5, 3, "no target printed")


@pytest.mark.parametrize("planted", [0, 1, 7, 233])
def test_presence_in_233_villages_returns_exactly_the_planted_blanks(planted: int) -> None:
    homes = [Home(f"u{k:03d}", name=f"第{k}村") for k in range(233)]
    # every 33rd village from the third on, in an order of its own
    without = {f"第{(3 + 33 * k) % 233}村" for k in range(planted)}
    assert len(without) == planted
    owners = itertools.cycle(("private", "government"))
    places = [
        Place(f"c{home.id}", "village_clinic", home.id, next(owners) if home.name in without else "collective")
        for home in homes
    ]
    world, standard = world_of(places, homes), load_catalogue()["yanhu/Y04"]
    assert blanks(world, standard) == without  # a clinic its doctor owns is no collective one
    summary = summary_of(world, standard)
    assert (summary.units, summary.units - summary.units_every) == (233, planted)
    assert summary.verdict == ("not met" if planted else "met")


def presence(**values: Any) -> Standard:
    return record("presence", **({"types": ["village_clinic"]} | values))


VILLAGES = [
    Home("u0", name="甲村", town="东镇"),
    Home("u1", name="乙村", town="东镇"),
    Home("u2", name="丙村", town="西镇"),
    Home("u3", name="丁社区", town="西镇"),
]


def test_presence_joint_clinics_hosts_and_several_in_a_unit() -> None:
    clinics = [Place("a", "village_clinic", "u0"), Place("b", "village_clinic", "u0")]
    world = world_of([*clinics, Place("t", "township_health_centre", "u2")], VILLAGES, links=[("a", "serves", "u1")])
    assert blanks(world, presence()) == {"乙村", "丙村", "丁社区"}
    assert blanks(world, presence(joint=True)) == {"丙村", "丁社区"}
    assert blanks(world, presence(hosts=["township_health_centre"])) == {"乙村", "丁社区"}
    assert blanks(world, presence(joint=True, unit_kinds=["village"])) == {"丙村"}
    assert blanks(world, presence(at_least=2)) == {"乙村", "丙村", "丁社区"}
    assert blanks(world, presence(at_least=3)) == {"甲村", "乙村", "丙村", "丁社区"}


def test_presence_in_towns_and_in_the_county_counts_a_joint_clinic_once() -> None:
    world = world_of([Place("a", "village_clinic", "u0")], VILLAGES, links=[("a", "serves", "u1")])
    assert blanks(world, presence(per="township")) == {"丙村", "丁社区"}
    assert blanks(world, presence(per="township", joint=True, at_least=2)) == {name.name for name in VILLAGES}
    assert blanks(world, presence(per="county", joint=True, at_least=2)) == {name.name for name in VILLAGES}
    assert blanks(world, presence(per="county")) == set()
    summary = summary_of(world, presence(per="township", target_share=0.5))
    assert (summary.units, summary.units_every, summary.verdict) == (2, 1, "met")


def test_presence_with_needs_and_owners_that_are_not_known() -> None:
    need = [{"has": "standardised"}]
    places = [
        Place("a", "village_clinic", "u0", has={"standardised": 1.0}),
        Place("b", "village_clinic", "u1", has={"standardised": 0.0}),
        Place("c", "village_clinic", "u2"),
    ]
    assert blanks(world_of(places, VILLAGES), presence(needs=need)) == {"乙村", "丙村", "丁社区"}
    nothing = entry_of(world_of(places[2:], VILLAGES), presence(needs=need))
    assert (nothing.state, nothing.missing) == ("no data", ("standardised",))
    owners = entry_of(world_of(places, VILLAGES), presence(ownership=["collective"]))
    assert (owners.state, owners.missing) == ("no data", ("ownership",))
    absent = entry_of(world_of((), VILLAGES), presence())
    assert (absent.state, absent.missing) == ("no data", ("village_clinic",))
    shut = world_of((), VILLAGES, closed=places)
    assert blanks(shut, presence()) == {home.name for home in VILLAGES}
    no_street = entry_of(world_of(places, VILLAGES), presence(unit_kinds=["street"]))
    assert (no_street.state, no_street.missing) == ("no data", ("units",))
    block = [*VILLAGES, Home("u9", name="戊村", basis="block")]
    assert "戊村" not in blanks(world_of(places, block), presence())


def verdicts(world: World, standard: Standard) -> tuple[str, ...]:
    """The verdicts of the one measure of a standard, what is doubtful considered."""
    entry = entry_of(world, standard)
    summary = summarise(world, entry, count_people(world, entry), assumed_target=1.0)
    return verdicts_of(with_doubt(world, entry, summary, ReachCache(world)))


def test_a_clinic_nobody_knows_the_owner_of_leaves_the_verdict_open_where_it_could_turn_it() -> None:
    homes = [Home(f"u{k}", name=f"{name}村") for k, name in enumerate("甲乙丙")]
    known = [Place("a", "village_clinic", "u0", "collective"), Place("b", "village_clinic", "u1", "collective")]
    each = load_catalogue()["yanhu/Y04"]
    assert verdicts(world_of([*known, Place("c", "village_clinic", "u2")], homes), each) == ("no data",)
    assert verdicts(world_of([*known, Place("c", "village_clinic", "u2", "private")], homes), each) == ("not met",)
    # the one that is doubtful stands where another counts already: the third village has none either way
    assert verdicts(world_of([*known, Place("c", "village_clinic", "u1")], homes), each) == ("not met",)
    far = [Place("a", ownership="government"), Place("b", m=5000.0)]
    people = [Home("u0", 80.0), Home("u1", 20.0, m=5000.0)]
    public = {"ownership": ["government"]}
    assert verdicts(world_of(far, people), radius(target_share=0.9, **public)) == ("no data",)
    assert verdicts(world_of(far, people), radius(target_share=0.8, **public)) == ("met",)
    assert verdicts(world_of(far, people), radius(**public)) == ("no target printed",)


def test_units_that_are_towns_themselves_are_their_own_towns() -> None:
    homes = [
        Home("u0", name="东镇", has={"t/r": 96.0}),
        Home("u1", name="西街道"),
        Home("u2", name="丙村", town="南镇"),
    ]
    places = [Place("a", "village_clinic", "u0"), Place("b", "village_clinic", "u2")]
    summary = summary_of(world_of(places, homes), presence(per="township", target_share=0.6))
    assert (summary.units, summary.units_every, summary.verdict) == (3, 2, "met")
    assert blanks(world_of(places, homes), presence(per="township")) == {"西街道"}
    assert blanks(world_of((places[1],), homes), presence(per="township", unit_kinds=["town"])) == {"东镇"}
    towns = {"西街道": {"t/r": 95.0}, "南镇": {"t/r": 94.0}}
    world = world_of(homes=homes, towns=towns)
    assert towns_of(world.units)["id"].tolist() == ["东镇", "南镇", "西街道"]  # the names a table of towns may say
    finding = found(world, "unit_floor", at_least=95.0)
    # what the units themselves report is theirs as towns, too
    assert (finding.verdict, listed(finding), finding.unknown) == ("not met", {"南镇"}, 0)


def test_a_group_is_counted_by_a_radius_and_never_made_up() -> None:
    homes = [Home("u0", 80.0), Home("u1", 20.0, m=5000.0)]
    world = world_of([Place("a", m=1000.0)], homes, groups={"65+": [5.0, 15.0]})
    assert summary_of(world, radius()).share_covered == pytest.approx(0.8)
    assert summary_of(world, radius(group="65+")).share_covered == pytest.approx(0.25)
    assert summary_of(world, radius(group="0-3")).missing == ("group:0-3",)


# what things have


def test_holdings_prefer_the_latest_year_and_any_year_to_none() -> None:
    rows = [
        ("facility", "a", "beds", 5.0, "2023", "a.csv", 1, ""),
        ("facility", "a", "beds", 4.0, "2020", "a.csv", 2, ""),
        ("facility", "a", "beds", 9.0, "", "b.csv", 1, ""),
    ]
    for order in itertools.permutations(rows):
        assert Holdings(pd.DataFrame(order, columns=list(ASSETS))).values("facility", ["a"], "beds").tolist() == [5.0]


def test_a_condition_on_a_share_of_nothing_is_not_known() -> None:
    need = [{"has": "nursing_beds", "share_of": "beds", "at_least": 0.3}]
    places = [
        Place("a", has={"nursing_beds": 3.0, "beds": 10.0}),
        Place("b", has={"nursing_beds": 2.0, "beds": 10.0}),
        Place("c", has={"nursing_beds": 0.0, "beds": 0.0}),
    ]
    finding = found(world_of(places), "share", types=["hospital"], must=need)
    assert (finding.parameters["yes"], listed(finding), listed(finding, "unknown")) == (1, {"b"}, {"c"})


# rows of the scorecard


def finding_of(verdict: str, state: str = "computed", **values: Any) -> Part:
    standard = reported("x", **values)
    reading = Reading("value", 1.0, cast("Any", verdict))
    return Part(standard, finding=Finding(standard, cast("Any", state), cast("Any", verdict), readings=(reading,)))


@pytest.mark.parametrize(
    ("verdicts", "row"),
    [
        (("met", "met"), "met"),
        (("met", "not met"), "not met"),
        (("met", "no data"), "no data"),
        (("not met", "no data"), "not met"),
        (("depends on reading or mode", "no data"), "depends on reading or mode"),
        (("met", "no target printed"), "met"),
        (("reported", "no target printed"), "reported"),
        (("no target printed", "not computable"), "no target printed"),
        (("no target printed", "no data"), "no data"),  # the target of the one without data is printed
    ],
)
def test_a_row_of_several_demands_is_judged_by_the_worst(verdicts: Sequence[str], row: str) -> None:
    for order in itertools.permutations(verdicts):
        parts = [finding_of(one, "no data" if one == "no data" else "computed") for one in order]
        assert verdict_of(parts) == row


def test_a_row_whose_only_unanswered_record_has_no_target_has_none() -> None:
    parts = [finding_of("no target printed"), finding_of("no data", "no data", at_least=None)]
    assert verdict_of(parts) == "no target printed"


@pytest.mark.parametrize(
    ("verdicts", "row"),
    [
        (("met", "met"), "met"),
        (("met", "not met"), "depends on reading or mode"),
        (("met", "no data"), "no data"),
        (("not met", "no data"), "no data"),
        (("met", "not met", "no data"), "depends on reading or mode"),
        (("met", "depends on reading or mode"), "depends on reading or mode"),
        (("met", "no target printed"), "depends on reading or mode"),
        (("reported", "no target printed"), "no target printed"),
        (("no data", "no target printed"), "no data"),
        (("no data", "depends on reading or mode"), "depends on reading or mode"),
    ],
)
def test_a_row_of_several_readings_has_the_verdict_they_share(verdicts: Sequence[str], row: str) -> None:
    for order in itertools.permutations(verdicts):
        assert verdict_of([finding_of(one, reading=True) for one in order]) == row
        assert common(cast("Any", order)) == row


def test_readings_among_demands_are_one_of_the_demands() -> None:
    met, two = finding_of("met"), [finding_of("met", reading=True), finding_of("not met", reading=True)]
    assert verdict_of([met, *two]) == "depends on reading or mode"
    assert verdict_of([finding_of("not met"), *two]) == "not met"


def test_a_borrowed_limit_gives_a_value_and_no_verdict() -> None:
    assert finding_of("not met", borrowed="t/y").verdict == "no target printed"
    assert finding_of("not met", "reported", borrowed="t/y").verdict == "no target printed"
    assert finding_of("no data", "no data", borrowed="t/y").verdict == "no data"
    assert verdict_of([finding_of("not met", borrowed="t/y"), finding_of("met")]) == "met"


def test_a_row_is_computed_where_any_of_its_records_is() -> None:
    states = ("computed", "reported", "no data", "not computable")
    for first, second in itertools.combinations(states, 2):
        parts = [finding_of("met", second), finding_of("met", first)]
        assert state_of(parts) == first


def test_rows_gather_the_records_of_a_row_and_list_what_falls_short() -> None:
    plan = {"status": "plan", "plan": "p.txt", "line": 1, "quote": "q", "kind": "reported", "at_least": 1.0}
    title = {"zh": "甲", "en": "a"}
    ids = ("x/S1-a", "x/S1-b", "x/S10", "y/S1")
    standards = tuple(STANDARD.validate_python({"id": one, "title": title, **plan}) for one in ids)
    own = reported("near-by")
    items = (Item("unit", "u0", "甲村", value=3.0),)
    findings = tuple(Finding(one, "computed", "not met", items=items) for one in (*standards, own))
    study = SimpleNamespace(outputs=SimpleNamespace(language="en"))
    results = cast("Any", SimpleNamespace(summaries=(), findings=findings, standards=(*standards, own), study=study))
    rows = {key: [part.standard.id for part in parts] for key, parts in rows_of(results).items()}
    assert rows == {
        ("x", "S1"): ["x/S1-a", "x/S1-b"],
        ("x", "S10"): ["x/S10"],
        ("y", "S1"): ["y/S1"],
        ("t", "near-by"): ["t/near-by"],
    }
    table = shortfalls(results)
    assert table["standard"].tolist() == [*ids, "t/near-by"]
    assert set(table["why_text"]) == {"does not meet it"}
    assert math.isclose(table["value"].iloc[0], 3.0)

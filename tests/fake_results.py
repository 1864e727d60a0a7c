"""A small hand-made ``Results``: a synthetic county (合成数据) for outputs, without running any analysis.

30 villages in four towns around a county town, a river, a railway, a motorway, roads, 14 facilities, five criteria
(one without data), short units, one patch, three proposed sites. Times and shares come from straight distances.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from rasterio.transform import from_origin
from shapely import LineString, MultiPoint, Point, Polygon

from servicecircle.geo.grid import Grid
from servicecircle.results import (
    GAP_COLUMNS,
    SITE_COLUMNS,
    UNIT_COLUMNS,
    CriterionSummary,
    Drawings,
    LedgerLine,
    Results,
    TimeLayer,
    TravelTimes,
)
from servicecircle.standards.model import Criterion
from servicecircle.study import Study, study_from

WGS84 = "EPSG:4326"
CENTRE = (117.45, 35.10)
KM_LON, KM_LAT = 91.1, 110.9
NAMES = "东岭 西沟 石桥 柳泉 大王庄 小王庄 北辛 南辛 羊庄 凫城 徐庄 冯卯 桑村 水泉 店子 城头 龙山 马河 岩湖 崔庄 前湾 后湾 柏山 梅花 双山 涝坡 毛堂 葫芦套 尚岩 白彦".split()
TOWNS = ("城关镇", "山前镇", "河西乡", "东岭镇")
CAUSES = ("too_far", "unreachable", "unattached")


def fake_study(language: str = "zh", *, siting: bool = True, name: str | None = None, **outputs: Any) -> Study:
    """Return a study with one circle for two modes, one radius, one presence and one standard without data."""
    define = [
        {
            "id": "sample/S01",
            "title": {"zh": "15 分钟健康服务圈", "en": "15-minute health service circle"},
            "plan": "示例县卫生健康规划.md",
            "line": 128,
            "quote": "构建“15分钟健康服务圈”",
            "status": "plan",
            "kind": "circle",
            "types": ["village_clinic", "township_health_centre", "county_hospital"],
            "measures": ["walk", "drive"],
            "limit_min": 15,
        },
        {
            "id": "sample/S02",
            "title": {"zh": "急救半径（农村）", "en": "Ambulance radius (rural)"},
            "plan": "示例县卫生健康规划.md",
            "line": 203,
            "quote": "服务半径10-20公里，达标率90%",
            "status": "plan",
            "kind": "radius",
            "types": ["ambulance_station"],
            "measures": ["road:drive"],
            "direction": "from_facility",
            "limit_km": 10,
            "target_share": 0.9,
        },
        {
            "id": "sample/S03",
            "title": {"zh": "每个行政村有卫生室", "en": "A clinic in every village"},
            "status": "national_unverified",
            "source": "示例标准（凭记忆）",
            "kind": "presence",
            "types": ["village_clinic"],
        },
        {
            "id": "sample/S04",
            "title": {"zh": "10 分钟健身圈", "en": "10-minute fitness circle"},
            "plan": "示例县体育规划.md",
            "line": 57,
            "quote": "城区“10分钟健身圈”",
            "status": "plan",
            "kind": "circle",
            "types": ["fitness_venue"],
            "measures": ["walk"],
            "limit_min": 10,
        },
    ]
    tree: dict[str, Any] = {
        "study": {
            "name": name or ("示例县 2025（合成数据）" if language == "zh" else "Sample County 2025 (synthetic)")
        },
        "area": {"units": {"path": "units.gpkg", "source": "示例数据（合成）", "licence": "CC0"}},
        "population": {"raster": {"path": "population.tif", "source": "WorldPop 2020", "licence": "CC BY 4.0"}},
        "roads": {"osm": {"path": "county.osm.pbf", "source": "© OpenStreetMap contributors", "licence": "ODbL 1.0"}},
        "facilities": [{"path": "医疗机构.xlsx", "crs": "GCJ-02"}],
        "standards": {"define": define},
        "outputs": {"language": language, **outputs},
    }
    if siting:
        tree["siting"] = {"standard": "sample/S01/walk", "choose": 3}
    return study_from(tree, Path("study.toml"))


@dataclass(frozen=True)
class _County:
    outline: Polygon
    names: list[str]
    ids: list[str]
    towns: list[str]
    points: np.ndarray
    polygons: list[Any]
    persons: np.ndarray
    facilities: gpd.GeoDataFrame


def _km(points: np.ndarray, place: np.ndarray) -> np.ndarray:
    return np.hypot((points[:, 0] - place[0]) * KM_LON, (points[:, 1] - place[1]) * KM_LAT)


def _outline() -> Polygon:
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    radius = 15 + 1.8 * np.sin(3 * angle + 0.6) + 1.1 * np.sin(7 * angle) + 0.5 * np.cos(13 * angle)
    return Polygon(
        np.column_stack((CENTRE[0] + radius * np.cos(angle) / KM_LON, CENTRE[1] + radius * np.sin(angle) / KM_LAT))
    )


def _spread(outline: Polygon, count: int, seed: np.random.Generator) -> np.ndarray:
    """Return ``count`` points inside the outline, far from each other (best of 20 draws each)."""
    west, south, east, north = outline.bounds
    kept = [np.array(CENTRE)]
    while len(kept) < count:
        draws = np.column_stack((seed.uniform(west, east, 20), seed.uniform(south, north, 20)))
        draws = draws[shapely.contains_xy(outline, draws[:, 0], draws[:, 1])]
        if len(draws):
            kept.append(draws[int(np.argmax(np.min([_km(draws, p) for p in kept], axis=0)))])
    return np.array(kept)


def _county(count: int, seed: np.random.Generator) -> _County:
    outline = _outline()
    points = _spread(outline, count, seed)
    cells = shapely.get_parts(shapely.voronoi_polygons(MultiPoint(points), extend_to=outline.buffer(0.1)))
    polygons = [shapely.intersection(next(c for c in cells if c.covers(Point(p))), outline) for p in points]
    names = [
        "县城社区",
        *(
            f"{NAMES[i % len(NAMES)]}村" if i < len(NAMES) else f"{NAMES[i % len(NAMES)]}{i}村"
            for i in range(count - 1)
        ),
    ]
    ids = [f"370406{100 + i:03d}{200 + i % 30:03d}" for i in range(count)]
    quadrant = (points[:, 0] > CENTRE[0]).astype(int) + 2 * (points[:, 1] > CENTRE[1]).astype(int)
    persons = np.round(np.clip(seed.lognormal(6.8, 0.5, count), 120, 4000))
    persons[0], persons[-1] = 21400, 0
    clinic = [i for i in range(1, count) if i % 3 == 1][:8]
    kinds = [("village_clinic", "村卫生室", points[i] + [0.004, 0.003], names[i][:-1] + "卫生室") for i in clinic]
    kinds += [
        ("township_health_centre", "乡镇卫生院", points[i] + [-0.006, 0.002], names[i][:-1] + "镇卫生院")
        for i in (2, 5, 9)
    ]
    kinds += [
        ("county_hospital", "县级医院", points[0] + [0.005, -0.004], "示例县人民医院"),
        ("ambulance_station", "急救站", points[0] + [-0.004, 0.006], "示例县急救中心"),
        ("pharmacy", "药店", points[0] + [0.012, 0.008], "民生大药房"),
    ]
    facilities = gpd.GeoDataFrame(
        {
            "id": [f"医疗机构:{i + 1:04d}" for i in range(len(kinds))],
            "name": [k[3] for k in kinds],
            "type": [k[0] for k in kinds],
            "type_text": [k[1] for k in kinds],
            "ownership": ["public"] * (len(kinds) - 1) + ["private"],
            "source": "医疗机构.xlsx",
            "row": range(2, len(kinds) + 2),
            "in_area": True,
            "attached": True,
        },
        geometry=[Point(k[2]) for k in kinds],
        crs=WGS84,
    )
    return _County(outline, names, ids, [TOWNS[int(q)] for q in quadrant], points, polygons, persons, facilities)


#: Limit in straight kilometres that stands for each criterion, and the text of its limit.
LIMITS = {"sample/S01/walk": 1.9, "sample/S01/drive": 5.0, "sample/S02/road:drive": 9.0, "sample/S03/presence": 1.2}


def _counted(criterion: Criterion, facilities: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return facilities[facilities["type"].isin(criterion.standard.types)]


def _unit_rows(criterion: Criterion, county: _County) -> pd.DataFrame:
    counted = _counted(criterion, county.facilities)
    doors = np.column_stack((counted.geometry.x, counted.geometry.y))
    km = np.array([_km(county.points, d) for d in doors])
    nearest, limit = km.argmin(axis=0), LIMITS[criterion.key]
    near = km.min(axis=0)
    share = np.clip(1.6 - 0.75 * near / limit, 0, 1)
    if criterion.measure == "presence":
        share = (near <= limit).astype(float)
    persons = county.persons
    covered = np.round(share * persons)
    uncovered = persons - covered
    with np.errstate(invalid="ignore"):
        share = np.where(persons > 0, covered / persons, np.nan)
    short = ((uncovered >= 30) & (uncovered >= 0.05 * persons)) | (
        (uncovered >= 5) & (uncovered >= 0.5 * persons) & (persons > 0)
    )
    ids = counted["id"].to_numpy()[nearest]
    cause = [
        "none_in_unit" if criterion.measure == "presence" else CAUSES[0 if i % 9 else (i // 9) % 3]
        for i in range(len(persons))
    ]
    frame = pd.DataFrame(
        {
            "criterion": criterion.key,
            "unit_id": county.ids,
            "name": county.names,
            "parent": county.towns,
            "kind": ["community", *["village"] * (len(persons) - 1)],
            "area_class": ["urban", *["rural"] * (len(persons) - 1)],
            "class_basis": "column",
            "basis": "surveyed",
            "lon": county.points[:, 0],
            "lat": county.points[:, 1],
            "lon_gcj02": county.points[:, 0] + 0.005,
            "lat_gcj02": county.points[:, 1] + 0.001,
            "persons": persons,
            "covered_persons": covered,
            "uncovered_persons": uncovered,
            "later_persons": uncovered,
            "unreachable_persons": 0.0,
            "unattached_persons": 0.0,
            "no_facility_persons": 0.0,
            "share_covered": share,
            "any": covered >= 0.5,
            "every": uncovered < 0.5,
            "short": short,
            "knife_edge_persons": np.round(persons * 0.02, 1),
            "p50": np.round(near * 12, 1),
            "p90": np.round(near * 19, 1),
            "unit_of_value": {"time": "min", "road": "km", "presence": "facilities"}[criterion.measure],
            "count": (near <= 1.2).astype(int),
            "cause": np.where(short, cause, ""),
            "nearest_id": ids,
            "nearest_name": counted["name"].to_numpy()[nearest],
            "nearest_time_id": ids,
            "nearest_time_min": np.round(near * 14, 1),
            "nearest_road_id": ids,
            "nearest_road_km": np.round(near * 1.3, 2),
            "nearest_straight_id": ids,
            "nearest_straight_km": np.round(near, 2),
        }
    )
    return frame[list(UNIT_COLUMNS)]


def _gap_rows(criterion: Criterion, rows: pd.DataFrame, language: str) -> pd.DataFrame:
    short = rows[rows["short"]].sort_values(["uncovered_persons", "unit_id"], ascending=[False, True])
    gaps = short.assign(gap_kind="unit")
    if criterion.measure == "time" and len(short):
        first = short.iloc[[0]]
        gaps = pd.concat(
            [
                gaps,
                first.assign(
                    gap_kind="patch",
                    unit_id="",
                    name=first["name"] + " 东北 0.8 km",
                    uncovered_persons=86.0,
                    persons=86.0,
                    share_covered=0.0,
                ),
            ]
        )
        gaps = pd.concat(
            [
                gaps,
                first.assign(
                    gap_kind="scattered", unit_id="", name="", uncovered_persons=131.0, persons=131.0, share_covered=0.0
                ),
            ]
        )
    gaps = gaps.assign(
        rank=range(1, len(gaps) + 1),
        title=criterion.standard.title.in_language(language),
        limit_text=criterion.measure_key,
        lon_gcj02=gaps["lon"] + 0.005,
        lat_gcj02=gaps["lat"] + 0.001,
        clause=f"{criterion.standard.plan}:{criterion.standard.line}",
    )
    return gaps[list(GAP_COLUMNS)]


def _summary(criterion: Criterion, rows: pd.DataFrame | None) -> CriterionSummary:
    if rows is None:
        return CriterionSummary(
            criterion, "no data", criterion.standard.types, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, None, 0, 0, 0, 0, None,
            criterion.standard.target_share, "no data", 1.0, "no data",
        )  # fmt: skip
    people, covered = float(rows["persons"].sum()), float(rows["covered_persons"].sum())
    target = criterion.standard.target_share
    share = covered / people if people else None
    verdict = "no target printed" if target is None else "met" if share is not None and share >= target else "not met"
    return CriterionSummary(
        criterion, "computed", (), 9, people, covered, people - covered, 0.0, 0.0, 0.0, share, len(rows), int(rows["any"].sum()),
        int(rows["every"].sum()), int(rows["short"].sum()), round(people * 0.02, 1), target, verdict, 1.0,
        "met" if covered == people else "not met",
    )  # fmt: skip


def _sites(county: _County, language: str) -> pd.DataFrame:
    picks, covered = (7, 15, 22), 24_000.0
    rows = []
    for order, pick in enumerate(picks, start=1):
        new = float(county.persons[pick] + 300)
        covered += new
        lon, lat = county.points[pick]
        upgrade = order == 3
        rows.append(
            (order, "sample/S01/walk", county.ids[pick], county.names[pick], "upgrade" if upgrade else "unit", "village_clinic",
             new, covered, covered / county.persons.sum(), lon, lat, lon + 0.005, lat + 0.001)
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(SITE_COLUMNS))


def _drawings(county: _County, study: Study, *, points: bool) -> Drawings:
    x, y = CENTRE
    wave = np.linspace(-0.19, 0.19, 60)
    river = LineString(np.column_stack((x + wave, y + 0.035 + 0.02 * np.sin(wave * 40))))
    roads = [
        (
            "primary",
            LineString(
                [(x - 0.19, y - 0.04), (x - 0.05, y - 0.01), (x, y), (x + 0.08, y + 0.02), (x + 0.18, y + 0.03)]
            ),
        )
    ]
    roads += [("secondary", LineString([(x - 0.01, y - 0.16), (x, y), (x + 0.02, y + 0.15)]))]
    roads += [("tertiary", LineString([county.points[0], p])) for p in county.points[1:8]]
    roads += [
        ("residential", LineString([a, b]))
        for a, b in zip(county.points[1:-1], county.points[2:], strict=True)
        if _km(a[None], b)[0] < 9
    ]
    motorway = LineString([(x - 0.2, y - 0.09), (x, y - 0.055), (x + 0.2, y - 0.07)])
    railway = LineString([(x + 0.06, y - 0.16), (x + 0.05, y), (x + 0.1, y + 0.16)])
    lake = Point(x - 0.08, y + 0.09).buffer(0.016)
    areas = []
    for criterion in (
        c for s in study.standards.define for c in s.criteria() if c.key in LIMITS and c.measure != "presence"
    ):
        doors = _counted(criterion, county.facilities).geometry
        radius = LIMITS[criterion.key]
        circles = [shapely.affinity.scale(p.buffer(1, 24), radius / KM_LON, radius / KM_LAT) for p in doors]
        areas.append((criterion.key, criterion.measure, criterion.measure_key, shapely.union_all(circles)))
    return Drawings(
        units=gpd.GeoDataFrame(
            {"unit_id": county.ids, "name": county.names, "parent": county.towns, "area_class": "rural", "basis": "surveyed"},
            geometry=[Point(p) for p in county.points] if points else county.polygons,
            crs=WGS84,
        ),
        service_areas=gpd.GeoDataFrame(areas, columns=["criterion", "measure", "limit_text", "geometry"], crs=WGS84),
        roads=gpd.GeoDataFrame(roads, columns=["road_class", "geometry"], crs=WGS84),
        barriers=gpd.GeoDataFrame(
            {"kind": ["river", "water", "railway", "motorway"]}, geometry=[river, lake, railway, motorway], crs=WGS84
        ),
        places=gpd.GeoDataFrame(
            {"name": ["示例县", *TOWNS], "place": ["city", *["town"] * 4]},
            geometry=[Point(x, y + 0.008), Point(x + 0.004, y - 0.008), Point(x + 0.09, y - 0.05), Point(x - 0.09, y + 0.06), Point(x + 0.1, y + 0.07)],
            crs=WGS84,
        ),
    )  # fmt: skip


def _travel_times(criteria: list[Criterion], county: _County, *, points: bool) -> TravelTimes:
    """Return straight distances at 5 km/h as minutes; of the places one each is unreachable and unattached."""
    grid = Grid(pyproj.CRS(WGS84), from_origin(CENTRE[0] - 0.2, CENTRE[1] + 0.16, 0.01, 0.01), (32, 40))
    x, y = grid.centres(np.arange(32 * 40, dtype=np.int64))
    cell = np.flatnonzero(shapely.contains_xy(county.outline, x, y))
    places = county.points if points else np.column_stack((x[cell], y[cell]))
    layers = []
    for criterion in (c for c in criteria if c.key in LIMITS and c.measure == "time"):
        counted = _counted(criterion, county.facilities)
        km = np.min([_km(places, np.array([p.x, p.y])) for p in counted.geometry], axis=0)
        state = np.zeros(len(places), dtype=np.int8)
        state[[1, 2]] = 1, 2
        minutes = np.where(state == 0, np.round(km * 12, 3), np.nan)
        layers.append(TimeLayer((criterion.key,), criterion.mode, "to_facility", len(counted), minutes, state))
    return TravelTimes(
        grid=None if points else grid,
        cell=np.arange(len(places)) if points else cell,
        id=tuple(f"{370406100000000000 + k}" for k in range(len(places))) if points else (),
        lon=places[:, 0] if points else np.zeros(0),
        lat=places[:, 1] if points else np.zeros(0),
        persons=county.persons if points else np.full(len(places), 10.0),
        layers=tuple(layers),
    )


def _doors(county: _County) -> gpd.GeoDataFrame:
    """One door of each facility, and two more of the first."""
    rows = [0, 0, *range(len(county.facilities))]
    frame = county.facilities.iloc[sorted(rows)]
    return gpd.GeoDataFrame(
        {
            "facility_id": frame["id"],
            "door": [1, 2, 3, *[1] * (len(frame) - 3)],
            "how": ["gate"] * 3 + ["point"] * (len(frame) - 3),
            "attached": True,
        },
        geometry=frame.geometry,
        crs=WGS84,
    )


def _shapes(county: _County) -> gpd.GeoDataFrame:
    frame = county.facilities.iloc[:2]
    table = {"facility_id": frame["id"], "name": frame["name"], "type": frame["type"]}
    first, second = frame.geometry
    line = LineString([(second.x - 0.01, second.y), (second.x + 0.01, second.y)])
    return gpd.GeoDataFrame(table, geometry=[first.buffer(0.001), line], crs=WGS84)


def fake_results(
    language: str = "zh",
    *,
    count: int = 30,
    points: bool = False,
    gaps: bool = True,
    sites: bool = True,
    study: Study | None = None,
) -> Results:
    """Return the synthetic results; ``gaps=False`` and ``sites=False`` give the empty states."""
    study = study or fake_study(language, siting=sites)
    county = _county(count, np.random.default_rng(7))
    criteria = [c for s in study.standards.define for c in s.criteria()]
    rows = {c.key: _unit_rows(c, county) for c in criteria if c.key in LIMITS}
    if not gaps:
        rows = {
            k: r.assign(
                short=False,
                covered_persons=r["persons"],
                uncovered_persons=0.0,
                share_covered=np.where(r["persons"] > 0, 1.0, np.nan),
                cause="",
            )
            for k, r in rows.items()
        }
    listed = [_gap_rows(c, rows[c.key], language) for c in criteria if c.key in rows] if gaps else []
    short_ids = sorted({i for r in rows.values() for i in r.loc[r["short"], "unit_id"]})
    line = (
        "最近的机构步行 {0} 分钟，超过 15 分钟限值；中间隔着一条河，最近的桥在 2.1 公里外。"
        if language == "zh"
        else "The nearest facility is {0} minutes on foot, beyond the limit of 15; a river lies between and the nearest bridge is 2.1 km away."
    )
    hint = (
        "若在本村新建卫生室，可覆盖全部居民。"
        if language == "zh"
        else "A clinic in the village itself would cover everyone."
    )
    notices = (
        (
            "3 个单元的城乡属性为推定。",
            "道路数据中 2% 的路段与路网不连通，已列出。",
            "人口为 2020 年估计值，未经普查校准。",
        )
        if language == "zh"
        else (
            "The area class of 3 units is assumed.",
            "2 % of the roads are disconnected and listed.",
            "People are estimates of 2020, not calibrated.",
        )
    )
    people = float(county.persons.sum())
    return Results(
        study=study,
        standards=study.standards.define,
        summaries=tuple(_summary(c, rows.get(c.key)) for c in criteria),
        ledger=(LedgerLine("window", people, people, {"in units": people, "outside": 0.0}, 0.0),),
        units=pd.concat(list(rows.values()), ignore_index=True),
        gaps=pd.concat(listed, ignore_index=True) if listed else pd.DataFrame(columns=list(GAP_COLUMNS)),
        sites=_sites(county, language) if sites else pd.DataFrame(columns=list(SITE_COLUMNS)),
        facilities=county.facilities,
        doors=_doors(county),
        shapes=_shapes(county),
        set_aside=pd.DataFrame(
            [("医疗机构.xlsx", "Sheet1", 17, "民生诊所", "0, 0", "坐标为 0")], columns=["file", "layer", "row", "id", "value", "reason"]
        ),
        counted={
            c.key: tuple(county.facilities.loc[county.facilities["type"].isin(c.standard.types), "id"])
            for c in criteria
            if c.key in rows
        },
        cards={
            key: {i: [line.format(23 + k), hint] for k, i in enumerate(short_ids) if i in set(r.loc[r["short"], "unit_id"])}
            for key, r in rows.items()
        },
        drawings=_drawings(county, study, points=points),
        notices=notices,
        provenance={"version": "0.1.0", "counts": {"units": count, "facilities": len(county.facilities)}},
        travel_times=_travel_times(criteria, county, points=points),
    )  # fmt: skip

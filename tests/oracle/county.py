"""A county folder read anew: study file, units, people, facilities, ways. Nothing is taken from the package."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import rasterio
import shapely
from pyproj import CRS, Geod, Transformer
from shapely.geometry import MultiPolygon, Polygon

from .criteria import Criterion, area_class, criteria, facility_type, is_of, owner, unit_kind
from .gcj import from_gcj02
from .osm import Tags, Way, WayNode, World, is_water_area, world_from_ways

GEOD = Geod(ellps="WGS84")
MARGIN_KM = 20.0
# A facility so near to a border may belong to either side: coordinates of lists are rounded.
BORDER_M = 10.0
ALIASES = {
    "id": ("机构编号", "编号", "id"),
    "name": ("机构名称", "名称", "name"),
    "type": ("类别", "类型", "type"),
    "lon": ("经度", "lon"),
    "lat": ("纬度", "lat"),
    "ownership": ("所有制", "ownership"),
}
KEYS = {
    "study": {"name", "note"},
    "area": {"units", "default_class", "margin_km"},
    "population": {"raster", "calibrate"},
    "roads": {"osm"},
    "relief": {"raster", "path"},
    "facilities": {"path", "layer", "crs", "columns", "type", "types", "source", "licence"},
    "standards": {"use", "target_share"},
    "siting": None,
    "outputs": None,
}


@dataclass(frozen=True)
class People:
    """Cells with people: `share` rows say which part of a cell (row of `cell_*`) lies in which unit (row)."""

    persons: np.ndarray
    corner: np.ndarray
    step: tuple[float, float]
    crs: CRS
    share_cell: np.ndarray
    share_unit: np.ndarray
    share: np.ndarray
    outside: float
    factor: np.ndarray

    def lonlat(self, u: np.ndarray, v: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """Degrees of places inside cells, u and v counted 0-1 from the first corner."""
        xy = self.corner[cell] + np.column_stack([u * self.step[0], v * self.step[1]])
        if self.crs.to_epsg() in (4326, 4490):
            return xy
        return np.column_stack(Transformer.from_crs(self.crs, 4326, always_xy=True).transform(xy[:, 0], xy[:, 1]))


@dataclass(frozen=True)
class County:
    """Everything a study folder says, as the oracle reads it."""

    folder: Path
    study: dict[str, Any]
    criteria: list[Criterion]
    units: gpd.GeoDataFrame
    people: People
    facilities: pd.DataFrame
    ways: list[Way]
    areas: list[tuple[MultiPolygon, Tags]]
    set_aside: list[str] = field(default_factory=list)

    @property
    def urban(self) -> Any:
        """Land of urban units, degrees."""
        land = shapely.union_all(self.units.geometry[self.units["class"] == "urban"].to_numpy())
        shapely.prepare(land)
        return land

    @property
    def working_crs(self) -> str:
        """Metres around the middle of the units."""
        west, south, east, north = self.units.total_bounds
        return f"+proj=tmerc +lat_0={(south + north) / 2:.4f} +lon_0={(west + east) / 2:.4f} +k=1 +datum=WGS84 +units=m +type=crs"

    def world(self) -> World:
        """Roads and barriers."""
        return world_from_ways(self.ways, self.working_crs, urban=self.urban, multipolygons=self.areas)

    def of(self, criterion: Criterion, *, any_owner: bool = False) -> np.ndarray:
        """Rows of the facilities that count."""
        wanted, owners = criterion.rule.types, criterion.rule.ownership
        rows = self.facilities["type"].map(lambda kind: is_of(kind, wanted)).to_numpy(dtype=bool)
        if owners and not any_owner:
            rows = rows & (self.facilities["owner"] == owners).to_numpy()
        return np.flatnonzero(rows)

    def no_data(self, criterion: Criterion) -> bool:
        """No row says anything about the criterion: nothing is judged."""
        rows = self.of(criterion, any_owner=True)
        return not len(rows) or bool(criterion.rule.ownership and (self.facilities["owner"].iloc[rows] == "").all())

    def applies(self, criterion: Criterion) -> np.ndarray:
        """Units a criterion speaks of; for a presence in towns the kind is the town's."""
        rule, keep = criterion.rule, np.ones(len(self.units), dtype=bool)
        if rule.area_class:
            keep &= (self.units["class"] == rule.area_class).to_numpy()
        if rule.kinds and rule.per == "village":
            keep = keep & self.units["kind"].isin([rule.kinds, ""]).to_numpy()
        if rule.per == "township":
            towns = self.units["town"].map(unit_kind)
            keep &= (self.units["town"] != "").to_numpy()
            if rule.kinds:
                keep &= towns.isin([rule.kinds, ""]).to_numpy()
        return keep


def read_county(folder: str | Path) -> County:
    """Read `study.toml` of a folder (or the study file itself) and all it names."""
    file = Path(folder)
    file = file / "study.toml" if file.is_dir() else file
    study = tomllib.loads(file.read_text(encoding="utf-8"))
    _check_keys(study)
    where = file.parent
    units = read_units(where, study["area"]["units"])
    people = read_people(where, study["population"], units)
    ways, areas = read_ways(where / _path(study["roads"]["osm"]))
    facilities, left = read_facilities(where, study["facilities"])
    box = _box(people, float(study["area"].get("margin_km", MARGIN_KM)))
    lon, lat = facilities["lon"], facilities["lat"]
    near = (lon >= box[0]) & (lat >= box[1]) & (lon <= box[2]) & (lat <= box[3])
    left += [f"{i}: outside the area" for i in facilities["id"][~near]]
    facilities = facilities[near].reset_index(drop=True)
    used = criteria(list(study["standards"]["use"]))
    return County(where, study, used, units, people, facilities, ways, areas, left)


def _check_keys(study: dict[str, Any]) -> None:
    for table, content in study.items():
        if table not in KEYS:
            raise ValueError("a table of the study that the oracle does not know", table)
        known = KEYS[table]
        for entry in content if isinstance(content, list) else [content]:
            if known is not None and set(entry) - known:
                raise ValueError("a key of the study that the oracle does not know", table, set(entry) - known)


def _path(source: Any) -> str:
    return source if isinstance(source, str) else source["path"]


# --- units and people -------------------------------------------------------------------------------------------------


def read_units(where: Path, spec: dict[str, Any]) -> gpd.GeoDataFrame:
    """Units sorted by id: id, name, town, class (urban or rural), kind, polygons in degrees."""
    raw = gpd.read_file(where / spec["path"], layer=spec.get("layer"), engine="pyogrio")
    if raw.crs is None:
        raise ValueError("units without a CRS")
    raw = raw.to_crs(4326)

    def text(key: str, column: str) -> pd.Series:
        name = spec.get(key, column)
        return raw[name].fillna("").astype(str).str.strip() if name else pd.Series([""] * len(raw))

    names = text("name", "name")
    codes = text("area_class", "") if "area_class" in spec else pd.Series([""] * len(raw))
    frame = gpd.GeoDataFrame(
        {
            "id": text("id", "id"),
            "name": names,
            "town": text("parent", "") if "parent" in spec else "",
            "class": [area_class(code, name) for code, name in zip(codes, names, strict=True)],
            "kind": names.map(unit_kind),
        },
        geometry=shapely.force_2d(raw.geometry.to_numpy()),
        crs=4326,
    )
    if frame["id"].duplicated().any() or not frame.geometry.is_valid.all():
        raise ValueError("units with the same id or broken polygons")
    return frame.sort_values("id", ignore_index=True)


def read_people(where: Path, spec: dict[str, Any], units: gpd.GeoDataFrame) -> People:
    """Cells of the raster that hold people, and the area share of each in every unit."""
    with rasterio.open(where / _path(spec["raster"])) as source:
        band, nodata, t = source.read(1).astype(float), source.nodata, source.transform
        crs = CRS.from_user_input(source.crs)
    if t.b or t.d:
        raise ValueError("a turned raster")
    valid = np.isfinite(band) & (band >= 0)
    if nodata is not None:
        valid &= band != nodata
    row, col = np.nonzero(valid & (band > 0))
    persons = band[row, col]
    corner = np.column_stack([t.c + col * t.a, t.f + row * t.e])
    shapes = units.geometry.to_crs(crs).to_numpy() if crs.to_epsg() not in (4326, 4490) else units.geometry.to_numpy()
    cell, unit, share = area_shares(corner, (t.a, t.e), shapes)
    inside = np.bincount(cell, weights=share, minlength=len(persons))
    if inside.max(initial=0) > 1 + 1e-6:
        raise ValueError("units overlap")
    outside = float(np.sum(persons * np.maximum(0, 1 - inside)))
    people = People(persons, corner, (t.a, t.e), crs, cell, unit, share, outside, np.ones(len(units)))
    return (
        replace(people, factor=_calibration(where, spec["calibrate"], units, people)) if "calibrate" in spec else people
    )


def area_shares(
    corner: np.ndarray, step: tuple[float, float], shapes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(cell, unit, share of the cell's area): one where the unit holds the cell, exact intersections at borders."""
    far = corner + np.array(step)
    low, high = np.minimum(corner, far), np.maximum(corner, far)
    boxes = shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
    shapely.prepare(shapes)
    tree = shapely.STRtree(boxes)
    whole = np.column_stack(tree.query(shapes, predicate="contains"))
    touched = np.column_stack(tree.query(shapes, predicate="intersects"))
    known = set(map(tuple, whole.tolist()))
    cut = np.array([pair for pair in map(tuple, touched.tolist()) if pair not in known], dtype=int).reshape(-1, 2)
    part = shapely.area(shapely.intersection(shapes[cut[:, 0]], boxes[cut[:, 1]])) / abs(step[0] * step[1])
    unit, cell = np.concatenate([whole, cut]).T
    share = np.concatenate([np.ones(len(whole)), part])
    some = share > 0
    return cell[some], unit[some], share[some]


def _calibration(where: Path, spec: dict[str, Any], units: gpd.GeoDataFrame, people: People) -> np.ndarray:
    """Factor on the people of each unit so that towns (or units) hold what the census counted."""
    table = read_table(where / spec["path"], spec.get("layer"))
    level = "town" if spec["unit"] == "town" else "name"
    label = spec.get("parent" if level == "town" else "name") or next(
        c for c in ("乡镇", "town", "name", "名称") if c in table
    )
    counted = dict(zip(table[label].str.strip(), table[spec["column"]].astype(float), strict=True))
    raw = np.bincount(people.share_unit, weights=people.persons[people.share_cell] * people.share, minlength=len(units))
    total = pd.Series(raw).groupby(units[level].to_numpy()).sum()
    return np.array([counted[key] / total[key] if total[key] else 1.0 for key in units[level]])


def _box(people: People, margin_km: float) -> tuple[float, float, float, float]:
    cells = np.unique(people.share_cell)
    spots = np.concatenate([people.lonlat(np.full(len(cells), u), np.full(len(cells), u), cells) for u in (0.0, 1.0)])
    (west, south), (east, north) = spots.min(axis=0), spots.max(axis=0)
    d_lat = margin_km / 111.0
    d_lon = margin_km / (111.3 * np.cos(np.radians((south + north) / 2)))
    return west - d_lon, south - d_lat, east + d_lon, north + d_lat


# --- facilities -------------------------------------------------------------------------------------------------------


def read_table(path: Path, layer: str | None = None) -> pd.DataFrame:
    """A sheet or a CSV file as text; CSV in UTF-8 or GB 18030."""
    if path.suffix.lower() == ".xlsx":
        table = pd.read_excel(path, sheet_name=layer or 0, dtype=str, engine="openpyxl")
    else:
        try:
            table = pd.read_csv(path, dtype=str, encoding="utf-8-sig")
        except UnicodeDecodeError:
            table = pd.read_csv(path, dtype=str, encoding="gb18030")
    return table.fillna("")


def read_facilities(where: Path, specs: list[dict[str, Any]]) -> tuple[pd.DataFrame, list[str]]:
    """Facilities (id, name, type, owner, lon, lat in WGS 84), one for equal rows, and what was set aside."""
    frames, left = [], []
    for spec in specs:
        path = where / spec["path"]
        table = read_table(path, spec.get("layer"))
        given = spec.get("columns", {})
        columns = {
            role: given.get(role) or next((c for c in names if c in table), None) for role, names in ALIASES.items()
        }
        frame = pd.DataFrame({role: table[c].str.strip() if c else "" for role, c in columns.items()})
        words = spec.get("types", {})
        frame["type"] = spec["type"] if "type" in spec else [facility_type(words.get(w, w)) for w in frame["type"]]
        frame["owner"] = frame["ownership"].map(owner)
        frame["lon"], frame["lat"] = (pd.to_numeric(frame[axis], errors="coerce") for axis in ("lon", "lat"))
        usable = frame["lon"].between(70, 140) & frame["lat"].between(3, 54)
        frame["id"] = [f"{path.stem}:{i}" for i in frame["id"]]
        left += [f"{i}: no usable coordinates" for i in frame["id"][~usable]]
        frame = frame[usable].copy()
        crs = spec.get("crs", "WGS84")
        if crs == "GCJ-02":
            frame["lon"], frame["lat"] = from_gcj02(frame["lon"].to_numpy(), frame["lat"].to_numpy())
        elif crs not in ("WGS84", "CGCS2000", "EPSG:4326", "EPSG:4490"):
            raise ValueError("a coordinate system the oracle does not read", crs)
        frames.append(frame)
    rows = pd.concat(frames, ignore_index=True).sort_values("id", kind="stable", ignore_index=True)
    same = rows.assign(lon=rows["lon"].round(7), lat=rows["lat"].round(7)).duplicated(["type", "name", "lon", "lat"])
    left += [f"{i}: stands twice" for i in rows["id"][same]]
    rows = rows[~same].reset_index(drop=True)
    if rows["id"].duplicated().any():
        raise ValueError("one id, two facilities", rows["id"][rows["id"].duplicated()].tolist())
    return rows[["id", "name", "type", "owner", "lon", "lat"]], left


# --- roads and demand points ------------------------------------------------------------------------------------------


def read_ways(path: Path) -> tuple[list[Way], list[tuple[MultiPolygon, Tags]]]:
    """All ways of an OSM file, and its water multipolygons."""
    ways: list[Way] = []
    areas: list[tuple[MultiPolygon, Tags]] = []
    water = osmium.filter.TagFilter(("natural", "water"), ("waterway", "riverbank"))
    for item in osmium.FileProcessor(str(path)).with_areas(water):
        if isinstance(item, osmium.osm.Way):
            nodes: list[WayNode] = [
                (n.ref, n.lon, n.lat) if n.location.valid() else (n.ref, None, None) for n in item.nodes
            ]
            ways.append((item.id, nodes, dict(item.tags)))
        elif isinstance(item, osmium.osm.Area) and not item.from_way():
            parts = []
            for outer in item.outer_rings():
                holes = [[(n.lon, n.lat) for n in inner] for inner in item.inner_rings(outer)]
                parts.append(Polygon([(n.lon, n.lat) for n in outer], holes))
            areas.append((MultiPolygon(parts), dict(item.tags)))
    return ways, areas


def points_per_side(county: County) -> int:
    """n of the n x n points of a cell: its longer side over a sixth of the shortest limit, at most 8."""
    limits = [c.limit_m for c in county.criteria if not c.presence]
    if not limits:
        return 1
    middle = np.array([len(county.people.persons) // 2])
    spot = [county.people.lonlat(np.array([u]), np.array([v]), middle)[0] for u, v in ((0, 0), (1, 0), (0, 1))]
    side = max(GEOD.inv(*spot[0], *spot[k])[2] for k in (1, 2))
    return int(min(8, max(1, np.ceil(side / (min(limits) / 6)))))


def demand_points(county: County, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(lon/lat, cell) of n x n points of every cell in a unit, those in water moved to land of their cell."""
    people = county.people
    cells = np.unique(people.share_cell)
    steps = (np.arange(n) + 0.5) / n
    u, v = (a.ravel() for a in np.meshgrid(steps, steps))
    cell = np.repeat(cells, n * n)
    lonlat = people.lonlat(np.tile(u, len(cells)), np.tile(v, len(cells)), cell)
    water = _water(county)
    if not len(water):
        return lonlat, cell
    wet = _in_water(water, lonlat)
    lattice = (np.arange(8) + 0.5) / 8
    u, v = (a.ravel() for a in np.meshgrid(lattice, lattice))
    for k in wet:
        spots = people.lonlat(u, v, np.repeat(cell[k], 64))
        dry = spots[np.setdiff1d(np.arange(64), _in_water(water, spots))]
        if len(dry):
            here = np.repeat(lonlat[k : k + 1], len(dry), axis=0)
            lonlat[k] = dry[np.argmin(GEOD.inv(*here.T, *dry.T)[2])]
    return lonlat, cell


def _in_water(water: np.ndarray, lonlat: np.ndarray) -> np.ndarray:
    return np.unique(shapely.STRtree(shapely.points(lonlat)).query(water, predicate="contains_properly")[1])


def _water(county: County) -> np.ndarray:
    shapes = [area for area, tags in county.areas if is_water_area(tags)]
    for _, nodes, tags in county.ways:
        closed = len(nodes) > 3 and nodes[0][0] == nodes[-1][0] and all(n[1] is not None for n in nodes)
        if is_water_area(tags) and tags.get("area") != "no" and closed:
            shapes.append(Polygon([(lon, lat) for _, lon, lat in nodes]))
    return np.array([s if s.is_valid else shapely.make_valid(s) for s in shapes], dtype=object)

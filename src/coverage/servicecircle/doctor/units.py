"""What is doubtful about units: gaps between neighbours, parts and units far away, names, towns, layers apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np
import shapely

from servicecircle.doctor.rows import capped
from servicecircle.errors import Problem, StudyError, problem
from servicecircle.geo.crs import EqualArea
from servicecircle.inputs import columns as pick
from servicecircle.inputs.matching import plain_text, town_form
from servicecircle.inputs.problems import some
from servicecircle.inputs.tables import read_table
from servicecircle.inputs.units import town_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

    from servicecircle.inputs.gather import Inputs
    from servicecircle.inputs.tables import Table
    from servicecircle.study import FacilityFile, Study

#: Gaps between neighbours are sought up to twice this width; smaller ones than this are how borders are drawn.
CLOSED_M, GAP_M2 = 100.0, 1_000.0
#: A gap open to the outside lies between two units for at least so many times its width: a notch does not.
GAP_TIMES = 10.0
#: A part of a unit farther from the largest one, and a unit smaller than this, are slips.
PART_KM, TINY_M2 = 50.0, 1_000.0
#: A unit this many times farther from the middle than three quarters of them lies elsewhere.
FAR_TIMES, FEWEST_FAR = 10.0, 4
#: A facility this far beyond the border of the town it is said to lie in lies in another; so many of a file's make the
#: file doubtful, and one this much farther is doubtful by itself: whose town a border street is, offices differ.
BORDER_M, TOWN_SHARE, ELSEWHERE_M = 500.0, 0.25, 5_000.0
#: A larger share of a file's rows outside of the study area is another area.
OUTSIDE_SHARE = 0.5
#: So much of a column may be empty before it is a column that is not filled in.
EMPTY_SHARE = 0.5


def _file(study: Study) -> str:
    given = study.area.units or study.area.points
    return study.path.name if given is None else given.path


def _place(flat: EqualArea, shape: shapely.Geometry) -> str:
    """Return latitude and longitude of a point inside a shape in metres."""
    inside = shapely.point_on_surface(shape)
    lon, lat = flat.lonlat(inside.x, inside.y)
    return f"{lat:.5f}, {lon:.5f}"


def _polygons(study: Study, inputs: Inputs) -> gpd.GeoDataFrame | None:
    return None if study.area.units is None or inputs.units is None else inputs.units.frame


def look_gaps(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield the holes and slivers between units: how many, their area, and where the largest lies.

    Holes of any width, and gaps open to the outside up to 200 m wide; from 1,000 m2. Whoever lives there is in no unit.
    """
    units = _polygons(study, inputs)
    if units is None or len(units) < 2:
        return
    flat = EqualArea(units.geometry.to_numpy())
    shapes = flat(units.geometry.to_numpy())
    gaps = sorted(_gaps(shapes), key=lambda gap: -gap.area)
    if not gaps:
        return
    near = shapely.STRtree(shapes).query(gaps[0], predicate="dwithin", distance=1.0)
    told = {"count": len(gaps), "area": f"{sum(gap.area for gap in gaps) / 1e6:.4g}", "value": _place(flat, gaps[0])}
    beside = some(str(units["id"].iloc[k]) for k in sorted(near.tolist()))
    yield problem("unit_look.gaps", file=_file(study), **told, largest=f"{gaps[0].area / 1e6:.4g}", ids=beside)


def _gaps(shapes: NDArray[np.object_]) -> list[shapely.Geometry]:
    """Return the holes in the union of some shapes and the slivers between two of them."""
    union = shapely.union_all(shapes)
    holes = [shapely.Polygon(ring) for part in shapely.get_parts(union) for ring in part.interiors]
    # an enclave of one unit inside another is no hole: the union has none there
    inside = [shapely.difference(hole, union) for hole in holes]
    closed = shapely.buffer(shapely.buffer(union, CLOSED_M), -CLOSED_M)
    slivers = shapely.get_parts(shapely.difference(closed, shapely.union_all([union, *holes])))
    tree = shapely.STRtree(shapes)
    wide = [part for hole in inside for part in shapely.get_parts(hole) if part.area >= GAP_M2]
    return wide + [one for one in slivers if one.area >= GAP_M2 and _is_between(one, shapes, tree)]


def _is_between(sliver: shapely.Geometry, shapes: NDArray[np.object_], tree: shapely.STRtree) -> bool:
    """Return whether a sliver runs along two units for ten times its width; a notch of the outline does not."""
    around = shapely.buffer(sliver, 1.0)
    near = tree.query(around, predicate="intersects")
    along = np.sort(shapely.length(shapely.intersection(shapely.boundary(shapes[near]), around)))
    return len(along) > 1 and bool(along[-2] >= GAP_TIMES * sliver.area / max(float(along[-1]), 1.0))


def look_parts(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield units with a part more than 50 km from their largest, and units smaller than 1,000 m2."""
    units = _polygons(study, inputs)
    if units is None:
        return
    shapes = EqualArea(units.geometry.to_numpy())(units.geometry.to_numpy())
    far, tiny = [], []
    for k, shape in enumerate(shapes):
        named = {"file": _file(study), "id": str(units["id"].iloc[k]), "name": str(units["name"].iloc[k])}
        parts = shapely.get_parts(shape)
        away = float(shapely.distance(parts, parts[int(np.argmax(shapely.area(parts)))]).max()) / 1000
        if away > PART_KM:
            far.append(problem("unit_look.far_part", **named, value=f"{away:.0f}", count=len(parts)))
        if shape.area < TINY_M2:
            tiny.append(problem("unit_look.tiny", **named, value=f"{shape.area:.0f}"))
    yield from capped(far, "unit_look.more_parts", by="id")
    yield from capped(tiny, "unit_look.more_tiny", by="id")


def look_far(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield units that lie ten times farther from the middle of all than three quarters of them."""
    if inputs.units is None or len(inputs.units.frame) < FEWEST_FAR:
        return
    units = inputs.units.frame
    shapes = EqualArea(units.geometry.to_numpy())(units.geometry.to_numpy())
    xy = shapely.get_coordinates(shapely.centroid(shapes))
    away = np.hypot(*(xy - np.median(xy, axis=0)).T)
    usual = np.sort(away)[int(np.ceil(0.75 * len(away))) - 1]
    found = [
        problem(
            "unit_look.far",
            file=_file(study),
            id=str(units["id"].iloc[k]),
            name=str(units["name"].iloc[k]),
            value=f"{away[k] / 1000:.0f}",
            usual=f"{usual / 1000:.0f}",
        )
        for k in np.flatnonzero(away > FAR_TIMES * max(usual, 1.0)).tolist()
    ]
    yield from capped(found, "unit_look.more_far", by="id")


def look_names(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield units without a name or, where others have one, without a town, and one name twice in a town."""
    if inputs.units is None:
        return
    units, file = inputs.units.frame, _file(study)
    ids, names = units["id"].to_numpy(dtype=object), units["name"].to_numpy(dtype=object)
    towns = town_of(units).to_numpy(dtype=object)
    for key, lost in (("no_name", names == ""), ("no_town", towns == "")):
        rows = np.flatnonzero(lost)
        if len(rows) and (key == "no_name" or len(rows) <= EMPTY_SHARE * len(units)):
            shown = some(f"{ids[k]} {names[k]}".strip() for k in rows)
            yield problem(f"unit_look.{key}", file=file, id=ids[rows[0]], count=len(rows), total=len(units), rows=shown)
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for k, name in enumerate(names):
        if name:
            groups[str(towns[k]), plain_text(str(name))].append(k)
    again = [group for group in groups.values() if len(group) > 1]
    found = [
        problem(
            "unit_look.same_name",
            file=file,
            id=ids[group[0]],
            value=names[group[0]],
            town=towns[group[0]] or "-",
            rows=some(ids[k] for k in group),
        )
        for group in again
    ]
    yield from capped(found, "unit_look.more_names", by="value")


def look_towns(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield facilities whose file says one town while they lie outside of it; by file, in numbers.

    Those more than 500 m outside where they are more than 25 % of the file's, else those more than 5 km outside. Only
    where the file has a recognised column of the town and the town is one of the units'.
    """
    units = _polygons(study, inputs)
    if units is None:
        return
    towns = town_of(units).to_numpy(dtype=object)
    if not (towns != "").any():
        return
    flat = EqualArea(units.geometry.to_numpy())
    shapes = flat(units.geometry.to_numpy())
    areas = {str(town): shapely.union_all(shapes[towns == town]) for town in sorted(set(towns)) if town}
    for spec in study.facilities:
        table, column = _town_column(study, inputs, spec)
        if table is not None and column is not None:
            yield from _disagreeing(inputs, spec, table, table.texts(column), areas, flat)


def _town_column(study: Study, inputs: Inputs, spec: FacilityFile) -> tuple[Table | None, int | None]:
    """Return the table of a facility file and its column of the town, where one is recognised."""
    try:
        table = inputs.corrections.apply(read_table(study.locate(spec.path), spec.layer, file=spec.path))
        return table, pick.find(table, "town", None)
    except StudyError:
        # what is wrong with the file is told by its reader; two columns of towns say nothing clearly
        return None, None


def _disagreeing(
    inputs: Inputs,
    spec: FacilityFile,
    table: Table,
    stated: NDArray[np.object_],
    areas: Mapping[str, shapely.Geometry],
    flat: EqualArea,
) -> Iterator[Problem]:
    frame, layers = inputs.facilities.frame, inputs.facilities.layers
    mine = frame[(frame["source"] == spec.path) & (frame["id"].map(layers) == table.layer)]
    by_row = dict(zip(table.rows.tolist(), stated.tolist(), strict=True))
    said = [_town_named(str(by_row.get(int(row), "")), list(areas)) for row in mine["row"]]
    known = np.flatnonzero([town is not None for town in said])
    if not len(known):
        return
    points = flat(shapely.points(mine[["lon", "lat"]].to_numpy(dtype=float)))
    away = np.array([shapely.distance(points[k], areas[str(said[k])]) for k in known])
    limit = BORDER_M if (away > BORDER_M).mean() > TOWN_SHARE else ELSEWHERE_M
    wrong = known[away > limit]
    if not len(wrong):
        return
    order = wrong[np.argsort(mine["row"].to_numpy()[wrong], kind="stable")].tolist()
    lying = _lying_in(points, areas)
    shown = some(f"{mine['row'].iloc[k]} ({mine['name'].iloc[k]}: {said[k]} → {lying[k] or '-'})" for k in order)
    first = mine.iloc[order[0]]
    told = {"row": int(first["row"]), "id": str(first["id"]), "value": str(said[order[0]])}
    share = f"{len(wrong) / len(known):.1%}"
    limits = {"limit": f"{limit:,.0f}", "share": share, "count": len(wrong), "total": len(known)}
    yield problem("unit_look.other_town", file=table.place, **told, **limits, rows=shown)


def _town_named(text: str, towns: Sequence[str]) -> str | None:
    """Return the one town a text names, with or without its ending; None where it names none or several."""
    if not text.strip():
        return None
    said = town_form(text)
    words = {said.text, *said.stems}
    found = [town for town in towns if words & {town_form(town).text, *town_form(town).stems}]
    exact = [town for town in found if town_form(town).text == said.text]
    return exact[0] if len(exact) == 1 else found[0] if len(found) == 1 else None


def _lying_in(points: NDArray[np.object_], areas: Mapping[str, shapely.Geometry]) -> list[str]:
    """Return the town each point lies in, empty outside of all."""
    names = list(areas)
    found = [""] * len(points)
    for point, town in zip(*shapely.STRtree(list(areas.values())).query(points, predicate="intersects"), strict=True):
        found[int(point)] = names[int(town)]
    return found


def look_layers(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield facility files most of whose rows lie outside the study area and its margin: files of another place."""
    del study
    outside = Counter((one.file, one.layer) for one in inputs.set_aside if one.reason.key == "inputs.reason.outside")
    frame, layers = inputs.facilities.frame, inputs.facilities.layers
    used = Counter((str(file), layers.get(code, "")) for file, code in zip(frame["source"], frame["id"], strict=True))
    west, south, east, north = inputs.box
    for (file, layer), count in sorted(outside.items()):
        total = count + used[file, layer]
        if count > OUTSIDE_SHARE * total:
            left = [one for one in inputs.set_aside if (one.file, one.layer) == (file, layer)]
            told = {"row": left[0].row, "id": left[0].id, "value": left[0].value, "count": count, "total": total}
            box = f"{west:.3f} {south:.3f} {east:.3f} {north:.3f}"
            yield problem("unit_look.elsewhere", file=f"{file} [{layer}]" if layer else file, **told, box=box)

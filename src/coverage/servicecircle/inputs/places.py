"""Where the rows of a file lie: its coordinate system, its coordinates, and rows that cannot be placed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyproj
import pyproj.exceptions
import shapely

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.geo import crs as gates
from servicecircle.geo.coordinates import bd09_to_gcj02, gcj02_to_wgs84, outside_service
from servicecircle.geo.outline import AREAS, LINES
from servicecircle.inputs.axes import Given, refuse_wrong_axes
from servicecircle.inputs.columns import need
from servicecircle.inputs.numbers import FEW_ROWS, Numbers, read_column
from servicecircle.inputs.problems import NAMED_ROWS, collect, some
from servicecircle.inputs.setaside import SetAside
from servicecircle.inputs.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from servicecircle.study import Source

    Pair: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]

#: West, south, east, north in degrees; the edges belong to the box.
Box: TypeAlias = tuple[float, float, float, float]

_WORLD: Box = (-180.0, -90.0, 180.0, 90.0)

#: Names a study may give a map service's coordinates, folded.
SERVICES = {"gcj02": "GCJ-02", "bd09": "BD-09"}
#: Marks of a coordinate system in the name of a column.
MARKS = {"gcj": "GCJ-02", "火星": "GCJ-02", "高德": "GCJ-02", "bd09": "BD-09", "百度": "BD-09", "wgs": "WGS84"}
#: Half the side of the box, in degrees, that stands for the place of most rows where no box is given.
_NEIGHBOURHOOD_DEG = 3.0


@dataclass(frozen=True)
class Reference:
    """Coordinate system of one file: a map service's (``GCJ-02``, ``BD-09``) or a known CRS.

    Attributes
    ----------
    service : str
        ``GCJ-02``, ``BD-09`` or empty.
    crs : pyproj.CRS
        Used when ``service`` is empty.
    assumed : bool
        Neither the file nor the study says so.
    """

    service: str
    crs: pyproj.CRS
    assumed: bool = False

    def to_wgs84(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Pair:
        """Return WGS 84 longitude and latitude of coordinates, x before y; what cannot be converted is inf or NaN."""
        if self.service == "BD-09":
            return gcj02_to_wgs84(*bd09_to_gcj02(x, y))
        if self.service == "GCJ-02":
            return gcj02_to_wgs84(x, y)
        lon, lat = gates.to_wgs84(self.crs, x, y)
        return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


def reference(table: Table, source: Source, marked: Sequence[str] = ()) -> Reference:
    """Return the coordinate system of a file: what it says, else what the study declares, else WGS 84 for tables.

    Parameters
    ----------
    table : Table
    source : Source
        The study's entry; its ``crs`` is the declaration.
    marked : sequence of str
        Names of the coordinate columns, which may carry a mark such as ``XGCJ``.

    Raises
    ------
    StudyError
        A layer without CRS and without declaration, a declaration that contradicts the file or the column's name,
        or an unknown name.
    """
    declared = source.crs
    if declared is None:
        if table.crs is None and table.geometry is not None:
            unknown = (one for one in table.notices if one.key == "axes.geojson_crs")
            raise StudyError(next(unknown, problem("inputs.no_crs", file=table.place)))
        _check_marks(table, marked, "WGS84", declared)
        return Reference("", table.crs or gates.WGS84, assumed=table.crs is None)
    service = SERVICES.get(declared.casefold().replace("-", "").replace("_", ""), "")
    if service:
        if table.crs is not None and not gates.is_wgs84(table.crs):
            raise StudyError(_conflict(table, declared))
        _check_marks(table, marked, service, declared)
        return Reference(service, gates.WGS84)
    try:
        crs = gates.parse_crs(declared)
    except pyproj.exceptions.CRSError as error:
        raise StudyError(problem("inputs.unknown_crs", file=table.place, crs=declared)) from error
    both_wgs84 = table.crs is not None and gates.is_wgs84(table.crs) and gates.is_wgs84(crs)
    if table.crs is not None and not both_wgs84 and not crs.equals(table.crs, ignore_axis_order=True):
        raise StudyError(_conflict(table, declared))
    _check_marks(table, marked, "WGS84" if gates.is_wgs84(crs) else "", declared)
    return Reference("", crs)


def _conflict(table: Table, declared: str) -> Problem:
    own = "" if table.crs is None else table.crs.name
    return problem("inputs.crs_conflict", file=table.place, declared=declared, own=own)


def _check_marks(table: Table, columns: Sequence[str], taken: str, declared: str | None) -> None:
    """Refuse a column whose name says another coordinate system than the one it would be read in."""
    for column in columns:
        mark = next((MARKS[m] for m in MARKS if m in column.casefold().replace("-", "")), taken)
        if mark != taken and {mark, taken} & set(SERVICES.values()):
            key = "inputs.crs_mark_undeclared" if declared is None else "inputs.crs_mark"
            raise StudyError(problem(key, file=table.place, column=column, mark=mark, declared=declared or ""))


@dataclass(frozen=True)
class Places:
    """Where the rows of a table lie.

    Attributes
    ----------
    lon, lat : float64 array (rows,)
        WGS 84 degrees; meaningless where ``kept`` is False.
    kept : bool array (rows,)
        Rows with usable coordinates.
    set_aside : tuple of SetAside
        One entry for each row that is not kept.
    notices : tuple of Problem
        Assumptions and approximations.
    problems : tuple of Problem
        Rows that refuse the file though the others could be placed: swapped coordinates.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    kept: NDArray[np.bool_]
    set_aside: tuple[SetAside, ...]
    notices: tuple[Problem, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class _Raw:
    """Coordinates as the file holds them, the text shown for each row and the columns they came from."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    shown: NDArray[np.object_]
    empty: NDArray[np.bool_]
    columns: tuple[str, ...]
    approximated: int = 0
    reasons: Mapping[int, Problem] = field(default_factory=dict)
    notices: tuple[Problem, ...] = ()


def locate(
    table: Table,
    source: Source,
    labels: Sequence[str],
    *,
    columns: tuple[str | None, str | None] = (None, None),
    box: Box | None = None,
    keep_outside: bool = False,
) -> Places:
    """Return WGS 84 coordinates of the rows of a table or layer.

    Parameters
    ----------
    table : Table
    source : Source
        The study's entry of the file.
    labels : sequence of str (rows,)
        Identifier or name of each row, for the list of rows set aside.
    columns : tuple
        Names of the longitude and latitude columns (tables only); None: recognised.
    box : tuple of float or None
        Where the study lies. A row outside whose swapped coordinates lie inside is refused. Without a box the
        neighbourhood of the median row stands for it.
    keep_outside : bool
        Whether rows outside ``box`` are kept.

    Returns
    -------
    Places
        Areas and lines are represented by a point inside them; :func:`locate_shapes` keeps their shape.

    Raises
    ------
    StudyError
        A coordinate column or the coordinate system is missing or contradictory, or coordinates are swapped.
    """
    raw = _columns_of(table, columns) if table.geometry is None else _points_of(table)
    ref = reference(table, source, raw.columns)
    return _accepted(_judge(table, source, labels, raw, ref, (box, keep_outside)))


def locate_polygons(
    table: Table, source: Source, labels: Sequence[str], *, box: Box | None = None
) -> tuple[NDArray[np.object_], Places]:
    """Return the polygons of a layer in WGS 84 degrees, and the middle of each one's bounds.

    Parameters
    ----------
    table : Table
        A layer; its polygons may be invalid.
    source, labels, box
        As for :func:`locate`; polygons outside the box are kept.

    Returns
    -------
    shapes : object array (rows,)
        Polygons without heights, EPSG:4326; None where the row is set aside.
    places : Places

    Raises
    ------
    StudyError
        As for :func:`locate`; also where the layer holds points or lines.
    """
    shapes = shapely.force_2d(np.asarray(table.geometry, dtype=object))
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    area = np.isin(shapely.get_type_id(shapes), (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    if (~area & ~empty).any():
        rows = table.rows[~area & ~empty]
        raise StudyError(problem("units.not_polygons", file=table.place, count=len(rows), rows=some(rows)))
    bounds = shapely.bounds(shapes)
    x, y = (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
    shown = np.array(["" if e else f"{a:.7g}, {b:.7g}" for e, a, b in zip(empty, x, y, strict=True)], dtype=object)
    ref = reference(table, source)
    moved, places = _judge_shapes(table, source, labels, shapes, _Raw(x, y, shown, empty, ()), ref, (box, True))
    return moved, _accepted(places)


def _accepted(places: Places) -> Places:
    """Return places no row of which refuses the file."""
    if places.problems:
        raise StudyError(places.problems)
    return places


def locate_shapes(
    table: Table,
    source: Source,
    labels: Sequence[str],
    *,
    columns: tuple[str | None, str | None] = (None, None),
    box: Box | None = None,
) -> tuple[NDArray[np.object_], Places]:
    """Return what is drawn as more than one point, in WGS 84 degrees, and a point for every row.

    Parameters
    ----------
    table, source, labels, columns, box
        As for :func:`locate`; rows whose point lies outside the box are set aside.

    Returns
    -------
    shapes : object array (rows,)
        Valid areas, lines or sets of points without heights, EPSG:4326, converted vertex by vertex; None for a row
        that is one point and for a row set aside. Of a collection its areas count, else its lines, else its points.
    places : Places
        A shape stands at a point inside it, whatever vertex its rings begin with. Swapped rows stand among its
        ``problems``, so that the doctor can look at the others.

    Raises
    ------
    StudyError
        A coordinate column or the coordinate system is missing or contradictory.
    """
    nothing = np.full(len(table.cells), None, dtype=object)
    if table.geometry is None:
        raw = _columns_of(table, columns)
        return nothing, _judge(table, source, labels, raw, reference(table, source, raw.columns), (box, False))
    cleaned, drawn, change = _cleaned(table.geometry)
    if change:
        table = replace(table, notices=(*table.notices, _repaired(table, change)))
    table = replace(table, geometry=cleaned)
    ref = reference(table, source)
    raw = replace(_points_of(table), approximated=0)
    return _judge_shapes(table, source, labels, np.where(drawn, cleaned, nothing), raw, ref, (box, False))


def _repaired(table: Table, change: Mapping[int, float]) -> Problem:
    """Return what is told of shapes that were made valid, the largest change of area first."""
    worst = sorted(change, key=lambda k: (-change[k], k))
    rows = some(f"{table.rows[k]} ({change[k]:.4%})" for k in worst)
    return problem(
        "units.shapes_repaired", file=table.place, count=len(change), rows=rows, method="make_valid (structure)"
    )


def _cleaned(shapes: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.bool_], dict[int, float]]:
    """Return shapes made valid, of one kind and in one order of vertices, and which are more than one point.

    Also how much the area of each repaired one changed, as a share of the larger of both areas, by position.
    """
    shapes = np.asarray(shapely.force_2d(shapes), dtype=object)
    point = np.isin(shapely.get_type_id(shapes), (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT))
    one_point = point & (shapely.get_num_geometries(shapes) <= 1)
    drawn = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes) | one_point)
    change: dict[int, float] = {}
    for row in np.flatnonzero(drawn).tolist():
        if not np.isfinite(shapely.get_coordinates(shapes[row])).all():
            continue
        if not shapely.is_valid(shapes[row]):
            # a polygon without area collapses to the line or point it is
            before = float(shapely.area(shapes[row]))
            shapes[row] = shapely.make_valid(shapes[row], method="structure", keep_collapsed=True)
            after = float(shapely.area(shapes[row]))
            change[row] = abs(after - before) / (max(before, after) or 1.0)
        shapes[row] = shapely.normalize(_of_one_kind(shapes[row]))
    return shapes, drawn & (shapely.get_type_id(shapes) != shapely.GeometryType.POINT), change


def _of_one_kind(shape: shapely.Geometry) -> shapely.Geometry:
    """Return the areas of a collection, else its lines, else its points; other shapes as they are."""
    parts = np.array([shape], dtype=object)
    while (shapely.get_type_id(parts) == shapely.GeometryType.GEOMETRYCOLLECTION).any():
        parts = shapely.get_parts(parts)
    kind = np.where(shapely.is_empty(parts), -1, shapely.get_type_id(parts))
    mine = next((parts[np.isin(kind, kinds)] for kinds in (AREAS, LINES) if np.isin(kind, kinds).any()), parts)
    return mine[0] if len(mine) == 1 else shapely.union_all(mine)


def _judge_shapes(
    table: Table,
    source: Source,
    labels: Sequence[str],
    shapes: NDArray[np.object_],
    raw: _Raw,
    ref: Reference,
    rule: tuple[Box | None, bool],
) -> tuple[NDArray[np.object_], Places]:
    """Judge rows by their points and convert the shapes of those kept; one with an impossible vertex is set aside."""
    places = _judge(table, source, labels, raw, ref, rule)
    moved = np.full(len(shapes), None, dtype=object)
    rows = np.flatnonzero(places.kept)
    moved[rows] = shapely.transform(shapes[rows], lambda xy: np.column_stack(_convert(table, ref, xy[:, 0], xy[:, 1])))
    vertices, row = shapely.get_coordinates(moved, return_index=True)
    impossible = np.zeros(len(shapes), dtype=bool)
    impossible[row[~_inside((vertices[:, 0], vertices[:, 1]), _WORLD)]] = True
    moved[impossible] = None
    reason = problem("inputs.reason.range")
    left = [
        SetAside(source.path, table.layer, int(table.rows[k]), labels[k], str(raw.shown[k]), reason)
        for k in np.flatnonzero(impossible).tolist()
    ]
    return moved, replace(places, kept=places.kept & ~impossible, set_aside=(*places.set_aside, *left))


def _judge(
    table: Table, source: Source, labels: Sequence[str], raw: _Raw, ref: Reference, rule: tuple[Box | None, bool]
) -> Places:
    """Convert coordinates and decide which rows are kept; ``rule`` is the box and whether rows outside it are kept."""
    box, keep_outside = rule
    known = np.isfinite(raw.x) & np.isfinite(raw.y)
    zero = known & (raw.x == 0) & (raw.y == 0)
    placed = known & ~zero
    told = (table.rows[placed], raw.shown[placed], raw.columns)
    refuse_wrong_axes(Given(table.place, ref.crs, raw.x[placed], raw.y[placed], *told), box)
    lon, lat = _convert(table, ref, raw.x, raw.y)
    swapped = _swapped(placed, (lon, lat), _convert(table, ref, raw.y, raw.x), box)
    valid = placed & _inside((lon, lat), _WORLD)
    kept = ~swapped & (valid if box is None or keep_outside else valid & _inside((lon, lat), box))
    reasons = np.full(len(lon), "inputs.reason.outside", dtype=object)
    reasons[~valid] = "inputs.reason.range"
    reasons[swapped] = "inputs.reason.swapped"
    reasons[zero] = "inputs.reason.zero"
    reasons[~known] = "inputs.reason.coordinates"
    reasons[raw.empty] = "inputs.reason.no_geometry" if table.geometry is not None else "inputs.reason.no_coordinates"
    left = [
        SetAside(
            source.path,
            table.layer,
            int(table.rows[k]),
            labels[k],
            str(raw.shown[k]),
            raw.reasons[k] if k in raw.reasons and not known[k] and not raw.empty[k] else problem(reasons[k]),
            ", ".join(raw.columns),
        )
        for k in np.flatnonzero(~kept).tolist()
    ]
    problems = _swapped_problems(table, raw, np.flatnonzero(swapped), int(placed.sum()))
    return Places(lon, lat, kept, tuple(left), tuple(_notices(table, ref, raw, placed)), tuple(problems))


def place_problems(
    table: Table, source: Source, columns: tuple[str | None, str | None] = (None, None)
) -> list[Problem]:
    """Return what is wrong with coordinate columns and coordinate system, to be told beside other problems."""
    problems: list[Problem] = []
    with collect(problems):
        names = _columns_of(table, columns).columns if table.geometry is None else ()
        reference(table, source, names)
    return problems


def _columns_of(table: Table, columns: tuple[str | None, str | None]) -> _Raw:
    problems: list[Problem] = []
    positions: list[int] = []
    for role, given in zip(("lon", "lat"), columns, strict=True):
        with collect(problems):
            positions.append(need(table, role, given))
    if problems:
        raise StudyError(problems)
    x_text, y_text = (table.texts(position) for position in positions)
    x, y = (read_column(table, position, axis) for position, axis in zip(positions, ("lon", "lat"), strict=True))
    shown = np.array([f"{x}, {y}" for x, y in zip(x_text, y_text, strict=True)], dtype=object)
    names = tuple(table.columns[position] for position in positions)
    empty = (x_text == "") | (y_text == "")
    _refuse_no_number(table, x, y, empty, names)
    reasons, notices = {**y.reasons, **x.reasons}, (*x.notices, *y.notices)
    return _Raw(x.values, y.values, shown, empty, names, reasons=reasons, notices=notices)


def _refuse_no_number(table: Table, x: Numbers, y: Numbers, empty: NDArray[np.bool_], names: tuple[str, ...]) -> None:
    """Raise StudyError where not one of many rows has numbers: the columns are others, or are written otherwise."""
    filled = np.flatnonzero(~empty)
    if len(filled) < FEW_ROWS or (np.isfinite(x.values) & np.isfinite(y.values)).any():
        return
    first = int(filled[0])
    reason = x.reasons.get(first) or y.reasons[first]
    where = {"file": table.place, "columns": ", ".join(names), "count": len(filled), "row": int(table.rows[first])}
    raise StudyError(problem("numbers.none", **where, reason=reason))


def _points_of(table: Table) -> _Raw:
    shapes = np.asarray(table.geometry, dtype=object)
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    single = shapely.get_num_geometries(shapes) == 1
    point = np.isin(shapely.get_type_id(shapes), (shapely.GeometryType.POINT,))
    multi = single & (shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOINT)
    points = np.where(multi, shapely.get_geometry(shapes, 0), shapes)
    other = ~(point | multi | empty)
    points[other] = shapely.point_on_surface(shapes[other])
    x, y = shapely.get_x(points), shapely.get_y(points)
    shown = np.array(["" if e else f"{a:.7g}, {b:.7g}" for e, a, b in zip(empty, x, y, strict=True)], dtype=object)
    return _Raw(x, y, shown, empty, (), int(other.sum()))


def _convert(table: Table, ref: Reference, x: NDArray[np.float64], y: NDArray[np.float64]) -> Pair:
    try:
        return ref.to_wgs84(x, y)
    except pyproj.exceptions.ProjError as error:
        raise StudyError(problem("inputs.unknown_crs", file=table.place, crs=ref.crs.name)) from error


def _inside(place: Pair, box: Box) -> NDArray[np.bool_]:
    lon, lat = place
    west, south, east, north = box
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _swapped(placed: NDArray[np.bool_], direct: Pair, mirrored: Pair, box: Box | None) -> NDArray[np.bool_]:
    """Return which rows lie where the study is only with longitude and latitude exchanged."""
    valid = placed & _inside(direct, _WORLD)
    around = box or _neighbourhood(direct, valid)
    swapped = placed & ~_inside(direct, around) & _inside(mirrored, around)
    # Where most rows are impossible as they stand, the few others cannot say where the study is.
    impossible = placed & ~valid & _inside(mirrored, _WORLD)
    if box is None and 2 * impossible.sum() > placed.sum():
        swapped |= impossible
    return swapped


def _swapped_problems(table: Table, raw: _Raw, rows: NDArray[np.intp], total: int) -> list[Problem]:
    """Return a problem for the whole file where most rows are swapped, else one for each row."""
    if 2 * len(rows) > total:
        example = {"row": int(table.rows[rows[0]]), "value": str(raw.shown[rows[0]])}
        return [problem("inputs.swapped_file", file=table.place, count=len(rows), total=total, **example)]
    problems = [
        problem(
            "inputs.swapped_row",
            file=table.place,
            row=int(table.rows[k]),
            value=str(raw.shown[k]),
            column=", ".join(raw.columns),
        )
        for k in rows[:NAMED_ROWS]
    ]
    if len(rows) > NAMED_ROWS:
        problems.append(problem("inputs.swapped_more", file=table.place, count=len(rows) - NAMED_ROWS))
    return problems


def _neighbourhood(place: Pair, valid: NDArray[np.bool_]) -> Box:
    if not valid.any():
        return _WORLD
    lon, lat = float(np.median(place[0][valid])), float(np.median(place[1][valid]))
    side = _NEIGHBOURHOOD_DEG
    return (lon - side, lat - side, lon + side, lat + side)


def _notices(table: Table, ref: Reference, raw: _Raw, placed: NDArray[np.bool_]) -> list[Problem]:
    notices = [*table.notices, *raw.notices]
    if ref.assumed:
        notices.append(problem("inputs.crs_assumed", file=table.place))
    if ref.service:
        notices.append(problem("inputs.converted", file=table.place, service=ref.service))
        beyond = int((placed & outside_service(raw.x, raw.y)).sum())
        if beyond:
            notices.append(problem("inputs.outside_service", file=table.place, service=ref.service, count=beyond))
    elif not gates.is_wgs84(ref.crs):
        notices.append(problem("inputs.projected", file=table.place, crs=ref.crs.name))
    if raw.approximated:
        notices.append(problem("inputs.representative", file=table.place, count=raw.approximated))
    return notices

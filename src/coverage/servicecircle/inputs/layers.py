"""Vector layers into rows of text: GeoJSON, GeoPackage, shapefile and KML, each opened by its own driver only.

What GDAL must not see (a document type, a file of another kind), must not guess (the encoding of a .dbf) and must not
write beside a file (an index, a journal) is settled here before it opens anything.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

import numpy as np
import pandas as pd
import pyogrio
import pyogrio.errors
import pyogrio.raw
import pyproj
import pyproj.exceptions
import shapely

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.geo.crs import is_wgs84
from servicecircle.inputs import dbf
from servicecircle.inputs.formats import EXACT_DIGITS, Table, cell_text, damaged, no_layer
from servicecircle.inputs.gdal import DRIVERS, vector_settings
from servicecircle.inputs.problems import some

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

#: Vector formats by suffix: the bytes such a file begins with. Anything else is not handed to GDAL.
MAGIC = {".gpkg": b"SQLite format 3\x00", ".shp": b"\x00\x00\x27\x0a"}
GEOJSON = (".geojson", ".json")
KML = ".kml"
LAYERS = (*GEOJSON, *MAGIC, KML)
#: In this encoding every byte is one character, and back again.
_BYTES = "ISO-8859-1"
#: Largest KML file, and deepest nesting in it; beyond that the file is refused unread.
MAX_KML_BYTES = 1 << 28
MAX_KML_DEPTH = 200
#: Columns LIBKML makes of a placemark's own elements get this mark and are left out; name and description stay.
_KML_OWN = "kml:"
_KML_FIELDS = (
    "ID TIMESTAMP BEGIN END ALTITUDEMODE TESSELLATE EXTRUDE VISIBILITY DRAWORDER ICON HEADING TILT ROLL SNIPPET MODEL "
    "SCALE_X SCALE_Y SCALE_Z NETWORKLINK NETWORKLINK_REFRESHVISIBILITY NETWORKLINK_FLYTOVIEW "
    "NETWORKLINK_REFRESHMODE NETWORKLINK_REFRESHINTERVAL NETWORKLINK_VIEWREFRESHMODE NETWORKLINK_VIEWREFRESHTIME "
    "NETWORKLINK_VIEWBOUNDSCALE NETWORKLINK_VIEWFORMAT NETWORKLINK_HTTPQUERY CAMERA_LONGITUDE CAMERA_LATITUDE "
    "CAMERA_ALTITUDE CAMERA_ALTITUDEMODE PHOTOOVERLAY LEFTFOV RIGHTFOV BOTTOMFOV TOPFOV NEARFOV PHOTOOVERLAY_SHAPE "
    "IMAGEPYRAMID_TILESIZE IMAGEPYRAMID_MAXWIDTH IMAGEPYRAMID_MAXHEIGHT IMAGEPYRAMID_GRIDORIGIN"
).split()
_KML_OPTIONS = {
    **{f"LIBKML_{name}_FIELD": _KML_OWN + name.casefold() for name in _KML_FIELDS},
    "LIBKML_NAME_FIELD": "name",
    "LIBKML_DESCRIPTION_FIELD": "description",
    "LIBKML_LAUNDER_FIELD_NAMES": "NO",
    "LIBKML_RESOLVE_STYLE": "NO",
    "LIBKML_EXTERNAL_STYLE": "NO",
}


@dataclass(frozen=True)
class _Raw:
    """One layer as it was read: names and cells of its columns, geometry as WKB, and what it says of its CRS."""

    names: list[str]
    columns: list[list[str]]
    wkb: Any
    crs: str | None
    notices: tuple[Problem, ...] = ()


def layer_names(path: Path, file: str) -> list[str]:
    """Return the layers of a vector file in its order; styles that QGIS leaves in a GeoPackage are none.

    Raises
    ------
    StudyError
        The file is not what its suffix says.
    """
    check_layer_file(path, file)
    with _told(path, file), _opened(path) as quiet:
        return _names(quiet)


def _names(path: Path) -> list[str]:
    return [str(name) for name, _ in pyogrio.list_layers(path) if name != "layer_styles"]


def read_layer(path: Path, layer: str | None, file: str) -> Table:
    """Read one layer of a GeoJSON, GeoPackage, shapefile or KML file; the first one when none is named.

    A KML layer is a folder; its columns are ``name``, ``description`` and the extended data, its CRS is WGS 84.

    Raises
    ------
    StudyError
        The file is not what its suffix says, lacks a part, is broken, or has no such layer.
    """
    notices = check_layer_file(path, file)
    with _told(path, file) as warned, _opened(path) as quiet:
        known = _names(quiet)
        if layer is not None and layer not in known:
            raise StudyError(no_layer(file, layer, known))
        if not known:
            raise StudyError(problem("inputs.empty_file", file=file))
        name = known[0] if layer is None else layer
        driver = str(
            pyogrio.read_info(quiet, layer=name, encoding=_BYTES if path.suffix.lower() == ".shp" else None)["driver"]
        )
        if driver not in DRIVERS[path.suffix.lower()]:
            raise StudyError(problem("inputs.not_layer", file=file, detail=driver))
        raw = _read(quiet, name, file)
        crs = None if raw.wkb is None or raw.crs is None else pyproj.CRS.from_user_input(raw.crs)
        if crs is not None and path.suffix.lower() in GEOJSON:
            crs, more = _geojson_crs(path, file, crs)
            notices = [*notices, *more]
    if layer is None and len(known) > 1:
        notices = [*notices, problem("inputs.layers.first", file=file, layer=name, others=some(known[1:]))]
    if warned:
        detail = some(dict.fromkeys(str(one.message) for one in warned), 3)
        notices = [*notices, problem("intake.layer_warning", file=file, detail=detail)]
    return _table(raw, file, name if len(known) > 1 or layer is not None else "", crs, notices)


def _table(raw: _Raw, file: str, layer: str, crs: pyproj.CRS | None, notices: Sequence[Problem]) -> Table:
    count = len(raw.columns[0]) if raw.columns else len(raw.wkb)
    index = pd.Index(range(1, count + 1), name="row", dtype="int64")
    cells = pd.DataFrame({str(k): column for k, column in enumerate(raw.columns)}, index=index, dtype=str)
    cells = cells.set_axis(raw.names, axis=1)
    lost = sum(map(damaged, (text for column in raw.columns for text in column)))
    harmed = [problem("inputs.damaged_text", file=file, count=lost)] if lost else []
    # a vertex that is no number is set aside with its row, which says so
    with np.errstate(invalid="ignore"):
        geometry = None if raw.wkb is None else np.asarray(shapely.from_wkb(raw.wkb, on_invalid="ignore"), dtype=object)
    return Table(file, layer, cells, geometry, crs, (*notices, *harmed, *raw.notices))


def _read(path: Path, layer: str, file: str) -> _Raw:
    if path.suffix.lower() == ".shp":
        return _read_shapefile(path, layer, file)
    meta, _, wkb, fields = pyogrio.raw.read(path, layer=layer)
    names = [str(name) for name in meta["fields"]]
    columns = [[cell_text(value) for value in field] for field in fields]
    raw = _Raw(names, columns, wkb, meta["crs"], tuple(_lost_digits(names, fields, file)))
    return _without_own_columns(raw) if path.suffix.lower() == KML else raw


def _lost_digits(names: Sequence[str], fields: Sequence[NDArray[Any]], file: str) -> list[Problem]:
    """Report columns of decimal numbers so long that their last digits are gone."""
    found = []
    for name, field in zip(names, fields, strict=True):
        if np.issubdtype(field.dtype, np.floating):
            lost = int(((np.abs(field) >= EXACT_DIGITS) & np.isfinite(field)).sum())
            if lost:
                found.append(problem("inputs.layers.lost_digits", file=file, column=name, count=lost))
    return found


def _without_own_columns(raw: _Raw) -> _Raw:
    """Leave out what LIBKML makes of a placemark's own elements, and name and description where no row has any."""
    own = ("name", "description")
    kept = [
        k
        for k, name in enumerate(raw.names)
        if not name.startswith(_KML_OWN) and (name.casefold() not in own or any(raw.columns[k]))
    ]
    # the older KML driver writes Name and Description
    names = [name.casefold() if (name := raw.names[k]) in ("Name", "Description") else name for k in kept]
    return replace(raw, names=names, columns=[raw.columns[k] for k in kept])


def _read_shapefile(path: Path, layer: str, file: str) -> _Raw:
    """Read a shapefile byte by byte and find out what the bytes mean."""
    meta, _, wkb, fields = pyogrio.raw.read(path, layer=layer, encoding=_BYTES)
    texts = [k for k, field in enumerate(fields) if field.dtype == object]
    held = [[b"" if value is None else str(value).encode("latin-1", "replace") for value in fields[k]] for k in texts]
    said = _part(path, ".cpg")
    names = [str(name).encode("latin-1", "replace") for name in meta["fields"]]
    read = dbf.decode(names, held, None if said is None else said.read_bytes(), file)
    columns = [[cell_text(value) for value in field] for field in fields]
    for k, column in zip(texts, read.columns, strict=True):
        columns[k] = [text.strip() for text in column]
    notices = (*read.notices, *_lost_digits(read.names, fields, file))
    return _Raw(read.names, columns, wkb, meta["crs"], notices)


def _part(path: Path, suffix: str) -> Path | None:
    """Return the file of a shapefile with this suffix in small or capital letters, None when there is none."""
    return next((one for one in (path.with_suffix(suffix), path.with_suffix(suffix.upper())) if one.is_file()), None)


def check_layer_file(path: Path, file: str) -> list[Problem]:
    """Refuse a file that is not what its suffix says - GDAL would try every format it knows - and return notices."""
    suffix = path.suffix.lower()
    if suffix == KML:
        return _check_kml(path, file)
    if suffix in GEOJSON:
        _check_json(path, file)
        return []
    with path.open("rb") as opened:
        if not opened.read(16).startswith(MAGIC[suffix]):
            raise StudyError(problem("inputs.not_layer", file=file, detail=f"not {suffix}"))
    if suffix == ".gpkg":
        waiting = [side.name for side in _journals(path) if side.is_file() and side.stat().st_size]
        return [problem("inputs.layers.journal", file=file, journal=some(waiting))] if waiting else []
    lost = [part for part in (".shx", ".dbf") if _part(path, part) is None]
    if lost:
        raise StudyError(problem("inputs.layers.lost_part", file=file, parts=", ".join(path.stem + s for s in lost)))
    return []


def _check_json(path: Path, file: str) -> None:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StudyError(problem("inputs.not_utf8", file=file, position=error.start)) from error
    if not text.lstrip().startswith("{"):
        raise StudyError(problem("inputs.not_json", file=file, line=1, column=1, detail="{"))


def _geojson_crs(path: Path, file: str, taken: pyproj.CRS) -> tuple[pyproj.CRS | None, list[Problem]]:
    """Return the CRS a GeoJSON file names; GDAL takes every file whose member ``crs`` it does not know as WGS 84.

    A file without that member is WGS 84; one whose member is null or not known says nothing.
    """
    content = path.read_bytes()
    if b'"crs"' not in content:
        return taken, []
    try:
        # GDAL takes control characters in texts, and so does this
        tree = json.loads(content.decode("utf-8-sig"), strict=False)
    except json.JSONDecodeError as error:  # GDAL is content with less
        where = {"line": error.lineno, "column": error.colno, "detail": error.msg}
        raise StudyError(problem("inputs.not_json", file=file, **where)) from error
    except RecursionError as error:
        raise StudyError(problem("inputs.not_json", file=file, line=1, column=1, detail="[[[...")) from error
    if "crs" not in tree:
        return taken, []
    member = tree["crs"]
    properties = member.get("properties") if isinstance(member, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    try:
        own = pyproj.CRS.from_user_input(name) if isinstance(name, str) else None
    except pyproj.exceptions.CRSError:
        own = None
    if own is None:
        shown = str(name if isinstance(name, str) else json.dumps(member, ensure_ascii=False))[:80]
        return None, [problem("axes.geojson_crs", file=file, value=shown)]
    same = own.equals(taken, ignore_axis_order=True) or (own.is_geographic and "84" in own.name and is_wgs84(taken))
    return (taken if same else own), []


class _KmlOutline:
    """What a KML file is made of, heard from a streaming parser that stops at a document type."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.depth = 0
        self.links = self.extended = self.bare = 0
        self.shaped = True
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.StartDoctypeDeclHandler = self.refuse
        self.parser.EntityDeclHandler = self.refuse

    def start(self, name: str, _attributes: Mapping[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if self.depth == 0 and local != "kml":
            raise StudyError(problem("inputs.layers.not_kml", file=self.file, root=local))
        self.depth += 1
        if self.depth > MAX_KML_DEPTH:
            raise StudyError(problem("inputs.layers.deep_kml", file=self.file, limit=MAX_KML_DEPTH))
        self.links += local == "NetworkLink"
        self.extended += local == "ExtendedData"
        if local == "Placemark":
            self.shaped = False
        self.shaped |= local in ("Point", "LineString", "LinearRing", "Polygon")

    def end(self, name: str) -> None:
        self.depth -= 1
        if name.rpartition(" ")[2] == "Placemark":
            self.bare += not self.shaped

    def refuse(self, *_: object) -> None:
        raise StudyError(problem("inputs.layers.doctype", file=self.file))


def _check_kml(path: Path, file: str) -> list[Problem]:
    size = path.stat().st_size
    if size > MAX_KML_BYTES:
        raise StudyError(problem("inputs.layers.large_kml", file=file, size=size >> 20, limit=MAX_KML_BYTES >> 20))
    outline = _KmlOutline(file)
    try:
        with path.open("rb") as opened:
            outline.parser.ParseFile(opened)
    except (expat.ExpatError, LookupError, ValueError) as error:
        line, column = outline.parser.CurrentLineNumber, outline.parser.CurrentColumnNumber + 1
        where = {"file": file, "line": line, "column": column, "detail": str(error)}
        raise StudyError(problem("inputs.layers.not_xml", **where)) from error
    notices = [problem("inputs.layers.links", file=file, count=outline.links)] if outline.links else []
    if "LIBKML" not in pyogrio.list_drivers():
        # The older driver reads name, description and placemarks with a shape, and leaves out the rest in silence.
        if outline.extended:
            raise StudyError(problem("inputs.layers.old_kml", file=file, count=outline.extended))
        if outline.bare:
            notices.append(problem("inputs.layers.bare_kml", file=file, count=outline.bare))
    return notices


@contextmanager
def _opened(path: Path) -> Iterator[Path]:
    """Give GDAL a path it can read without writing beside it, and KML fields under names of our own."""
    with vector_settings(_KML_OPTIONS if path.suffix.lower() == KML else None):
        if path.suffix.lower() == ".gpkg" and _keeps_journal(path):
            # SQLite writes beside a database with a journal even to read it: read a copy, and what waits in it too.
            with tempfile.TemporaryDirectory(prefix="servicecircle-") as folder:
                for part in (path, *_journals(path)):
                    if part.is_file():
                        shutil.copyfile(part, Path(folder) / part.name)
                yield Path(folder) / path.name
        else:
            yield path


def _journals(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-journal")


def _keeps_journal(path: Path) -> bool:
    """Return whether a GeoPackage is in write-ahead mode (2 in bytes 18 and 19 of its head) or has a journal beside."""
    with path.open("rb") as opened:
        head = opened.read(20)
    return 2 in head[18:20] or any(side.exists() for side in _journals(path))


@contextmanager
def _told(path: Path, file: str) -> Iterator[list[warnings.WarningMessage]]:
    """Turn what GDAL, pyogrio and pyproj raise into sentences; what they warn of is in the list at the end."""
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield warned
    except pyogrio.errors.DataSourceError as error:
        raise StudyError(_broken_layer(path, file, str(error))) from error
    except (pyogrio.errors.DataLayerError, pyogrio.errors.GeometryError, UnicodeDecodeError) as error:
        raise StudyError(_broken_layer(path, file, str(error))) from error
    except (pyogrio.errors.CRSError, pyproj.exceptions.CRSError, UnboundLocalError) as error:
        # pyogrio 0.13 ends in an UnboundLocalError where the .prj holds nothing GDAL can read.
        raise StudyError(problem("inputs.broken_crs", file=file)) from error


def _broken_prj(path: Path) -> bool:
    """Return whether a shapefile's statement of its coordinate system cannot be read."""
    own = _part(path, ".prj")
    if own is None:
        return False
    try:
        pyproj.CRS.from_wkt(own.read_text(encoding="utf-8", errors="replace"))
    except pyproj.exceptions.CRSError:
        return True
    return False


def _broken_layer(path: Path, file: str, detail: str) -> Problem:
    """Say where a GeoJSON file stops being JSON, and whether it is the .prj of a shapefile that is broken."""
    if path.suffix.lower() == ".shp" and _broken_prj(path):
        return problem("inputs.broken_crs", file=file)
    if path.suffix.lower() in GEOJSON:
        try:
            json.loads(path.read_text(encoding="utf-8-sig"))
        except json.JSONDecodeError as error:
            return problem("inputs.not_json", file=file, line=error.lineno, column=error.colno, detail=error.msg)
        except RecursionError:
            return problem("intake.deep_json", file=file)
    return problem("inputs.not_layer", file=file, detail=detail)

"""Metres and degrees, zones and axes: coordinates that cannot belong to the coordinate system they are read in.

Chinese survey grids come with the number of their zone before the easting (39 500 000) or without it (500 000), and
their tables call the northing X. Nothing is corrected here: a file that is read in the wrong grid is refused with the
grid that would fit, so the study says what its author means.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyproj
import pyproj.exceptions

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.geo import crs as gates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Box: TypeAlias = tuple[float, float, float, float]

#: Larger values are no degrees.
MOST_DEGREES = 360.0
#: Metres on either side of the central meridian within which a grid is used: three degrees at the equator and some.
REACH_M = 450_000.0
#: Northings of China, from the southern reefs to the Amur, in metres.
NORTHINGS_M = (300_000.0, 6_300_000.0)
#: Metres a zone number stands for before an easting.
ZONE_M = 1_000_000.0
FALSE_EASTING_M = 500_000.0
#: Rows on which grids are tried.
TRIED_ROWS = 1000


@dataclass(frozen=True)
class Family:
    """The EPSG codes of a datum's Gauss-Kruger grids.

    Attributes
    ----------
    six_zone, six_meridian, three_zone, three_meridian : int
        First code of the six and three degree grids, with the zone number before the easting (zones 13 and 25) and
        without (central meridian 75 E); the others follow in order.
    """

    six_zone: int
    six_meridian: int
    three_zone: int
    three_meridian: int

    def with_zone(self, zone: int) -> str:
        """Return the grid whose eastings begin with this number; empty where there is none.

        The numbers of six degree zones (13 to 23) and of three degree zones (25 to 45) do not meet.
        """
        if 13 <= zone <= 23:
            return f"EPSG:{self.six_zone + zone - 13}"
        return f"EPSG:{self.three_zone + zone - 25}" if 25 <= zone <= 45 else ""

    def at_meridian(self, meridian: int, *, six: bool = False) -> str:
        """Return the grid of a central meridian (75 to 135 E) whose eastings have no zone number."""
        if not 75 <= meridian <= 135 or (meridian - 75) % (6 if six else 3):
            return ""
        first, width = (self.six_meridian, 6) if six else (self.three_meridian, 3)
        return f"EPSG:{first + (meridian - 75) // width}"

    def grids(self) -> Iterator[str]:
        """Yield all grids of the datum, those without zone number and of three degrees first."""
        meridians = range(75, 136, 3)
        yield from (self.at_meridian(m) for m in meridians)
        yield from (self.with_zone(z) for z in (*range(25, 46), *range(13, 24)))
        yield from (code for m in meridians if (code := self.at_meridian(m, six=True)))


#: By the EPSG code of the geographic system: CGCS2000, Xian 1980, Beijing 1954.
FAMILIES = {
    4490: Family(4491, 4502, 4513, 4534),
    4610: Family(2327, 2338, 2349, 2370),
    4214: Family(21413, 21453, 2401, 2422),
}
WEB_MERCATOR = "EPSG:3857"


@dataclass(frozen=True)
class Given:
    """Coordinates as a file holds them, and what they are read in.

    Attributes
    ----------
    file : str
        File and layer as messages name them.
    crs : pyproj.CRS
        What they are read in; a map service's degrees count as WGS 84.
    x, y : float64 array (rows,)
        As the file holds them, x the column or axis taken for longitude or easting.
    rows : int64 array (rows,)
        Rows as a person counts them.
    shown : object array (rows,)
        Text of each row for messages.
    columns : tuple of str
        Names of the two columns; none for a layer.
    """

    file: str
    crs: pyproj.CRS
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    rows: NDArray[np.int64]
    shown: NDArray[np.object_]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Fit:
    """A reading that fits: the CRS, and whether x is the northing."""

    crs: str
    exchanged: bool = False


def refuse_wrong_axes(given: Given, box: Box | None) -> None:
    """Raise StudyError where most rows cannot be in the coordinate system they are read in.

    Parameters
    ----------
    given : Given
    box : tuple of float or None
        West, south, east, north of the study in degrees; with it a grid that fits is found by trying.

    Raises
    ------
    StudyError
        Metres in a system of degrees, degrees in a grid, easting and northing exchanged, or an easting with a zone
        number in a grid without and the reverse. The sentence names the first such row and the system that fits.
    """
    if not len(given.x):
        return
    large = (np.abs(given.x) > MOST_DEGREES) | (np.abs(given.y) > MOST_DEGREES)
    if given.crs.is_geographic:
        if 2 * large.sum() > len(large):
            raise StudyError(_told("axes.metres", given, large, _fit(given, box)))
        return
    if not given.crs.is_projected:
        return
    if 2 * large.sum() < len(large):
        raise StudyError(_told("axes.degrees", given, ~large, _Fit("WGS84")))
    wrong = _misplaced(given, box)
    if 2 * wrong.sum() > len(wrong):
        fit = _fit(given, box)
        if fit is not None and fit != _Fit(_name(given.crs)):
            exchanged = fit.exchanged and fit.crs == _name(given.crs)
            raise StudyError(_told("axes.exchanged" if exchanged else "axes.zone", given, wrong, fit))


def _told(key: str, given: Given, wrong: NDArray[np.bool_], fit: _Fit | None) -> Problem:
    first = int(np.flatnonzero(wrong)[0])
    own = f"{given.crs.name} ({name})" if (name := _name(given.crs)) != given.crs.name else given.crs.name
    return problem(
        key,
        file=given.file,
        row=int(given.rows[first]),
        value=str(given.shown[first]),
        count=int(wrong.sum()),
        total=len(wrong),
        crs=own,
        remedy=_remedy(given, fit),
    )


def _remedy(given: Given, fit: _Fit | None) -> Problem:
    """Return what to write: the system that fits, and the columns the other way round where they are exchanged."""
    if fit is None:
        return problem("axes.remedy.ask")
    same = fit.crs == _name(given.crs)
    system = problem("axes.remedy.same") if same else problem("axes.remedy.crs", crs=fit.crs, name=_title(fit.crs))
    if not fit.exchanged:
        return system
    if given.columns:
        east, north = given.columns[1], given.columns[0]
        return problem("axes.remedy.columns", system=system, lon=east, lat=north)
    return problem("axes.remedy.layer", system=system)


def _name(crs: pyproj.CRS) -> str:
    code = crs.to_epsg()
    return crs.name if code is None else f"EPSG:{code}"


def _title(name: str) -> str:
    return gates.parse_crs(name).name


def _misplaced(given: Given, box: Box | None) -> NDArray[np.bool_]:
    """Return the rows outside the box; without one, those whose easting is beyond the reach of the grid."""
    if box is not None:
        return ~_inside(given, _Fit(_name(given.crs)), box, given.crs)
    easting = _false_easting(given.crs)
    if easting is None:
        return np.zeros(len(given.x), dtype=bool)
    return np.abs(given.x - easting) > REACH_M


def _false_easting(crs: pyproj.CRS) -> float | None:
    """Return the easting of the central meridian of a transverse Mercator grid in metres, None for other grids."""
    operation = crs.coordinate_operation
    if operation is None or "Transverse Mercator" not in operation.method_name:
        return None
    found = [one.value for one in operation.params if one.name == "False easting"]
    return float(found[0]) if found else None


def _fit(given: Given, box: Box | None) -> _Fit | None:
    """Return the reading that puts most rows into the box; without one, the reading their eastings name."""
    given = _thinned(given)
    if box is None:
        return _by_numbers(given)
    own = [_name(given.crs)] if given.crs.is_projected else []
    tried = [*own, *_by_zone(given), *_family(given.crs).grids(), WEB_MERCATOR, *_utm(box)]
    for name in dict.fromkeys(tried):
        for exchanged in (False, True):
            fit = _Fit(name, exchanged)
            if _plausible(given, fit) and 2 * int(_inside(given, fit, box).sum()) > len(given.x):
                return fit
    return None


def _thinned(given: Given) -> Given:
    """Return some of the rows, evenly over the file: enough to try a hundred grids on."""
    chosen = np.unique(np.linspace(0, len(given.x) - 1, min(len(given.x), TRIED_ROWS)).astype(int))
    return replace(given, x=given.x[chosen], y=given.y[chosen], rows=given.rows[chosen], shown=given.shown[chosen])


def _plausible(given: Given, fit: _Fit) -> bool:
    """Return whether the eastings are ones the grid is used for: one far zone would do for another's numbers."""
    easting = _false_easting(gates.parse_crs(fit.crs))
    x = given.y if fit.exchanged else given.x
    return easting is None or bool(abs(float(np.median(x)) - easting) <= REACH_M)


def _by_zone(given: Given) -> list[str]:
    zones = [int(float(np.median(axis)) // ZONE_M) for axis in (given.x, given.y)]
    return [code for zone in zones if (code := _family(given.crs).with_zone(zone))]


def _by_numbers(given: Given) -> _Fit | None:
    """Return the reading the numbers name: by a zone number before an easting, and by which one can be a northing."""
    own, family = _name(given.crs), _family(given.crs)
    own_easting = _false_easting(given.crs) if given.crs.is_projected else None
    for exchanged in (False, True):
        x, y = (given.y, given.x) if exchanged else (given.x, given.y)
        east, north = float(np.median(x)), float(np.median(y))
        if not NORTHINGS_M[0] <= north <= NORTHINGS_M[1]:
            continue
        if own_easting is not None and abs(east - own_easting) <= REACH_M:
            return _Fit(own, exchanged)
        if numbered := family.with_zone(int(east // ZONE_M)):
            return _Fit(numbered, exchanged)
        if own_easting is not None and own_easting > ZONE_M and abs(east - FALSE_EASTING_M) <= REACH_M:
            zone = int(own_easting // ZONE_M)
            six = zone < 24
            without = family.at_meridian(6 * zone - 3 if six else 3 * zone, six=six)
            return _Fit(without, exchanged) if without else None
    return None


def _family(crs: pyproj.CRS) -> Family:
    base = crs.geodetic_crs
    code = None if base is None else base.to_epsg()
    return FAMILIES.get(code or 0, FAMILIES[4490])


def _utm(box: Box) -> list[str]:
    west, south, east, north = box
    zone = int(((west + east) / 2 + 180) // 6) + 1
    return [f"EPSG:{(32600 if south + north >= 0 else 32700) + zone}"]


def _inside(given: Given, fit: _Fit, box: Box, crs: pyproj.CRS | None = None) -> NDArray[np.bool_]:
    x, y = (given.y, given.x) if fit.exchanged else (given.x, given.y)
    try:
        lon, lat = gates.to_wgs84(gates.parse_crs(fit.crs) if crs is None else crs, x, y)
    except pyproj.exceptions.ProjError:
        return np.zeros(len(x), dtype=bool)
    west, south, east, north = box
    return np.asarray((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))

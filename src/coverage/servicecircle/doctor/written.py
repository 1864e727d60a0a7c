"""How values are written: numbers as text, coordinates rounded to kilometres, identifiers a spreadsheet spoilt."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.doctor.rows import capped, facility_places
from servicecircle.errors import Problem, problem
from servicecircle.geo.coordinates import gcj02_to_bd09, wgs84_to_gcj02
from servicecircle.inputs.problems import some
from servicecircle.inputs.tables import to_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from servicecircle.inputs.gather import Inputs
    from servicecircle.study import FacilityFile, Study

#: A number as a program writes it.
_AS_WRITTEN = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
#: A code that a spreadsheet made a number of: its last digits are lost.
_SCIENTIFIC = re.compile(r"[0-9](\.[0-9]+)?[eE]\+?[0-9]{1,2}")
#: Decimals of a degree from which a place is known well enough: three are about 100 m.
DECIMALS = 3
#: How near to a rounded number a coordinate is one, degrees: the error of a conversion there and back.
_HAIR = 2e-8
#: From this share on, one length of the identifiers is the rule.
RULE_SHARE = 0.5


def look_numbers(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield cells that were read as numbers though they are written as text (full-width digits, thousands marks)."""
    del study
    found = []
    for cell in inputs.facilities.assets:
        text = cell.text.strip()
        number = to_number(text)
        if number is None or _AS_WRITTEN.fullmatch(text):
            continue
        file = f"{cell.source} [{cell.layer}]" if cell.layer else cell.source
        told = {"file": file, "row": cell.row, "id": cell.label, "column": cell.column, "value": text}
        found.append(problem("written.number", **told, number=f"{number:g}"))
    found.sort(key=lambda one: (one.values["file"], one.values["row"], one.values["column"]))
    yield from capped(found, "written.more_numbers")


def look_decimals(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield facilities whose both coordinates have at most three decimals of a degree as their file gives them."""
    frame, places = inputs.facilities.frame, facility_places(inputs)
    services = {spec.path: _service(spec) for spec in study.facilities}
    for file in sorted(set(places)):
        mine = np.flatnonzero([place == file for place in places])
        lonlat = frame.iloc[mine][["lon", "lat"]].to_numpy(dtype=float)
        lon, lat = _as_given(lonlat, services.get(str(frame["source"].iloc[mine[0]]), ""))
        coarse = mine[_is_rounded(lon, DECIMALS) & _is_rounded(lat, DECIMALS)]
        if not len(coarse):
            continue
        order = coarse[np.argsort(frame["row"].to_numpy()[coarse], kind="stable")]
        first, at = frame.iloc[order[0]], int(np.flatnonzero(mine == order[0])[0])
        shown = some(f"{frame['row'].iloc[k]} ({frame['name'].iloc[k]})" for k in order.tolist())
        told = {"file": file, "row": int(first["row"]), "id": first["id"], "value": f"{lat[at]:g}, {lon[at]:g}"}
        yield problem("written.rounded", **told, count=len(coarse), total=len(mine), rows=shown)


def _service(spec: FacilityFile) -> str:
    return (spec.crs or "").casefold().replace("-", "").replace("_", "")


def _as_given(lonlat: NDArray[np.float64], service: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the coordinates of one file as it gives them: as a map service has them where they were converted."""
    lon, lat = lonlat.T
    if service in ("gcj02", "bd09"):
        lon, lat = wgs84_to_gcj02(lon, lat)
    return gcj02_to_bd09(lon, lat) if service == "bd09" else (lon, lat)


def _is_rounded(degrees: NDArray[np.float64], decimals: int) -> NDArray[np.bool_]:
    return np.asarray(np.abs(degrees - np.round(degrees, decimals)) <= _HAIR)


def look_codes(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield identifiers a spreadsheet spoilt: in scientific notation, or short of the zeros they begin with."""
    facilities = inputs.facilities.frame
    places = np.array(facility_places(inputs), dtype=object)
    for file in sorted(set(places)):
        mine = facilities[places == file]
        codes = [str(code).split(":", 1)[1] for code in mine["id"]]
        yield from _spoilt(file, codes, [int(row) for row in mine["row"]])
    units = study.area.units or study.area.points
    if inputs.units is not None and units is not None:
        codes = [str(code) for code in inputs.units.frame["id"]]
        yield from _spoilt(units.path, codes, None)
    yield from _unmatched(inputs)


def _spoilt(file: str, codes: Sequence[str], rows: Sequence[int] | None) -> Iterator[Problem]:
    """Yield one problem for codes in scientific notation and one for those that lost zeros."""
    named = [code if rows is None else f"{row} ({code})" for code, row in zip(codes, rows or codes, strict=True)]
    for key, mask in (
        ("written.scientific", [bool(_SCIENTIFIC.fullmatch(code)) and "e" in code.casefold() for code in codes]),
        ("written.lost_zeros", _lost_zeros(codes)),
    ):
        found = [k for k, yes in enumerate(mask) if yes]
        if found:
            told = {"file": file, "row": rows[found[0]] if rows else "-", "id": codes[found[0]]}
            yield problem(key, **told, value=codes[found[0]], count=len(found), rows=some(named[k] for k in found))


def _lost_zeros(codes: Sequence[str]) -> list[bool]:
    """Return which codes lack the zeros that the others of the usual length begin with."""
    lengths = Counter(len(code) for code in codes if code.isdigit())
    usual, count = max(lengths.items(), key=lambda pair: (pair[1], pair[0]), default=(0, 0))
    begin = {code[: usual - len(code.lstrip("0"))] for code in codes if len(code) == usual and code.startswith("0")}
    if count < RULE_SHARE * len(codes) or not begin:
        return [False] * len(codes)
    return [code.isdigit() and len(code) < usual and "0" * (usual - len(code)) in begin for code in codes]


def _unmatched(inputs: Inputs) -> Iterator[Problem]:
    """Yield rows set aside for want of a unit whose code is that of a unit but for zeros before it."""
    if inputs.units is None:
        return
    known: dict[str, str] = {str(code).lstrip("0"): str(code) for code in inputs.units.frame["id"]}
    found: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for left in inputs.set_aside:
        unit = known.get(left.id.lstrip("0"))
        if left.id.isdigit() and unit is not None and unit != left.id:
            found[f"{left.file} [{left.layer}]" if left.layer else left.file].append((left.row, left.id, unit))
    for file, rows in sorted(found.items()):
        row, code, unit = rows[0]
        shown = some(f"{row} ({code})" for row, code, _ in rows)
        yield problem(
            "written.zeros_differ", file=file, row=row, id=code, value=code, unit=unit, count=len(rows), rows=shown
        )

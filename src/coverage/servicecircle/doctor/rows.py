"""What all looks share: how a file's row is named, and one problem per row up to a number, then one for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from servicecircle.errors import Problem, problem
from servicecircle.geo.crs import geodesic_m
from servicecircle.inputs.problems import NAMED_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from servicecircle.inputs.gather import Inputs

#: Rows named in the problem that stands for the rest.
MOST_REST = 200


def facility_places(inputs: Inputs) -> list[str]:
    """Return file and sheet of each facility, as messages name them."""
    layers, frame = inputs.facilities.layers, inputs.facilities.frame
    return [
        f"{file} [{layers[code]}]" if layers.get(code) else str(file)
        for code, file in zip(frame["id"], frame["source"], strict=True)
    ]


def distance_m(lonlat: NDArray[np.float64], one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return geodesic metres between pairs of points of an array (points, 2) of WGS 84 degrees."""
    return geodesic_m(lonlat[one, 0], lonlat[one, 1], lonlat[other, 0], lonlat[other, 1])


def capped(found: Sequence[Problem], more: str, *, by: str = "row", **values: Any) -> Iterator[Problem]:
    """Yield the first ten problems of each file and one with the key ``more`` (file, count, rows) for its others.

    Parameters
    ----------
    by : str
        The value that names a problem among the others.
    """
    files: dict[str, list[Problem]] = {}
    for one in found:
        files.setdefault(str(one.values["file"]), []).append(one)
    for file, mine in files.items():
        yield from mine[:NAMED_ROWS]
        rest = mine[NAMED_ROWS:]
        if rest:
            rows = ", ".join(str(one.values[by]) for one in rest[:MOST_REST])
            mark = " …" if len(rest) > MOST_REST else ""
            yield problem(more, file=file, count=len(rest), rows=rows + mark, **values)

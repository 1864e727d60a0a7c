"""Where the roads of a study come from: one of four sources, each with a reader that gives the same ``RoadData``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from servicecircle.errors import StudyError, problem
from servicecircle.inputs.corrections import NO_CORRECTIONS, Corrections
from servicecircle.inputs.roads import Places, RoadData, read_osm, require_osm
from servicecircle.inputs.roads import read_places as read_osm_places
from servicecircle.inputs.tables import require_file

if TYPE_CHECKING:
    from servicecircle.inputs.roads import Bounds
    from servicecircle.study import Study


def require_roads(study: Study) -> None:
    """Check that the study's road file is there, without reading it; nothing is downloaded.

    Raises
    ------
    StudyError
        It is missing or of a kind that is not read.
    """
    roads = study.roads
    if roads.osm is not None:
        require_osm(study.locate(roads.osm.path), roads.osm.path)
    if roads.graphml is not None:
        from servicecircle.inputs.road_graph import require_graph

        require_graph(study.locate(roads.graphml.path), roads.graphml.path)
    if roads.lines is not None:
        require_file(study.locate(roads.lines.path), roads.lines.path)


def read_roads(study: Study, box: Bounds, *, corrections: Corrections = NO_CORRECTIONS) -> RoadData:
    """Read the study's roads within ``box`` (west, south, east, north in degrees).

    A way belongs to the box when its bounding box meets it; it is kept whole.

    Raises
    ------
    StudyError
        The source is missing, cannot be read or downloaded, or holds no road in the box.
    """
    found = _read(study, box, corrections)
    unnamed = study.roads.graphml is not None or study.roads.lines is not None
    if unnamed and study.area.units is None and study.area.points is None:
        found = replace(found, notices=(*found.notices, problem("roads.source.no_places")))
    return found


def read_places(study: Study) -> Places:
    """Read the named places of the whole road file, for a study that nothing else gives an extent.

    Raises
    ------
    StudyError
        The road source holds no place names, or its file is missing or cannot be read.
    """
    roads = study.roads
    if roads.osm is None:
        raise StudyError(problem("roads.source.no_places_for_table", file=study.path.name))
    require_osm(study.locate(roads.osm.path), roads.osm.path)
    return read_osm_places(study.locate(roads.osm.path), roads.osm.path)


def _read(study: Study, box: Bounds, corrections: Corrections) -> RoadData:
    roads = study.roads
    if roads.osm is not None:
        return read_osm(study.locate(roads.osm.path), roads.osm.path, box)
    if roads.graphml is not None:
        from servicecircle.inputs.road_graph import read_graph

        return read_graph(study.locate(roads.graphml.path), roads.graphml.path, box)
    if roads.lines is not None:
        from servicecircle.inputs.road_lines import read_lines

        return read_lines(study.locate(roads.lines.path), roads.lines, box, corrections=corrections)
    if roads.download is not None:
        from servicecircle.inputs.road_download import read_download

        return read_download(study, roads.download, box)
    raise StudyError(problem("roads.source.none"))  # pragma: no cover - the schema asks for one

"""Where the numbers come from: inputs with their hashes, parameters, versions, counts; ``run.json`` holds them."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from servicecircle.demand.calibrate import calibration_record
from servicecircle.inputs.rows import row_record
from servicecircle.travel.entrances import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicecircle.analysis.stages import Prepared
    from servicecircle.cases.ranges import Ranges
    from servicecircle.siting.plan import Plan
    from servicecircle.study import Study

#: Libraries whose versions a number depends on.
LIBRARIES = (
    "exactextract",
    "geopandas",
    "highspy",
    "numpy",
    "osmium",
    "pandas",
    "pyogrio",
    "pyproj",
    "rasterio",
    "scipy",
    "shapely",
)


def provenance(prepared: Prepared, plan: Plan | None, ranges: Ranges | None) -> dict[str, Any]:
    """Return what ``run.json`` holds beside the results: inputs, parameters, counts at each step."""
    from servicecircle import __version__

    study, world = prepared.study, prepared.world
    net = world.network
    by_class = {str(c): round(int(net.mm[net.road_class == c].sum()) / 1e6, 3) for c in np.unique(net.road_class)}
    return {
        "version": __version__,
        "libraries": {name: version(name) for name in LIBRARIES},
        "study": study.model_dump(mode="json", by_alias=True),
        "study_file": study.path.name,
        "corrections": prepared.inputs.corrections.record,
        "rows": row_record(
            prepared.inputs.rows, (prepared.inputs.facilities.entry[i] for i in outside(prepared)["id"])
        ),
        "inputs": [
            {"path": path, "sha256": _hash(study, path)}
            for path in _with_parts(study, dict.fromkeys((*input_paths(study), *prepared.inputs.roads.files)))
        ],
        "modes": {name: mode.model_dump(mode="json") for name, mode in world.modes.items()},
        "working_crs": world.walk.working.text,
        "points_per_cell_side": world.demand.per_side,
        "demand_points": world.demand.points,
        "calibration": calibration_record(world.demand.calibration),
        "groups": _group_record(prepared),
        "units": len(world.units),
        "facilities": len(world.facilities),
        "doors": door_counts(prepared),
        "assets": prepared.inputs.assets.record,
        "roads": {
            "origin": dict(prepared.inputs.roads.origin),
            "edges": net.size,
            "junctions": len(net.node_id),
            "km_by_class": by_class,
            "component_rule": net.component_rule,
            "turn_restrictions": prepared.inputs.roads.turn_restrictions,
            "turn_restrictions_per_junction": prepared.inputs.roads.turn_restrictions / max(len(net.node_id), 1),
            "by_mode": {name: _mode_facts(prepared, name) for name in world.modes},
        },
        "barriers": {
            str(k): int(n)
            for k, n in zip(*np.unique(prepared.inputs.roads.barriers.kind, return_counts=True), strict=True)
        },
        "other_class_by_next_basis": None if ranges is None else ranges.classes.to_dict("records"),
        "siting": None if plan is None else {"candidates": plan.candidates},
    }


def _group_record(prepared: Prepared) -> dict[str, dict[str, Any]]:
    """Return, by group, its file or column and its people: raw ones in the window, and those counted in units."""
    population, demand = prepared.study.population, prepared.world.demand
    files = {name: {"path": source.path} for name, source in population.group_rasters.items()}
    origin = files | {name: {"column": column} for name, column in population.group_columns.items()}
    return {
        name: {
            **origin[name],
            "window_persons": totals.window_persons,
            "outside_persons": totals.outside_persons,
            "where_nobody_lives_persons": totals.alone_persons,
            "persons": float(demand.groups[name].sum()),
        }
        for name, totals in demand.group_totals.items()
    }


def _mode_facts(prepared: Prepared, mode: str) -> dict[str, Any]:
    net = prepared.world.network
    edges = net.modes[mode]
    usable = edges.forward | edges.backward
    pieces = np.unique(edges.component[usable])
    refused = np.unique(edges.component[usable & ~np.isin(edges.component, edges.component[edges.attachable])])
    inside = prepared.world.demand.inside_persons()
    attached = prepared.world.demand_places.access[mode].attached()
    return {
        "km": round(int(net.mm[usable].sum()) / 1e6, 3),
        "km_by_posted_speed": round(int(net.mm[edges.posted].sum()) / 1e6, 3),
        "pieces": len(pieces),
        "pieces_not_attached_to": len(refused),
        "persons_attached": float(inside[attached].sum()),
        "persons_unattached": float(inside[~attached].sum()),
    }


def input_paths(study: Study) -> list[str]:
    """Return every file a study names, in the order of the study file, each once."""
    sources = [
        study.area.units,
        study.area.points,
        study.population.raster,
        study.population.points,
        study.population.table,
        study.population.compare,
        study.population.calibrate,
        *study.population.group_rasters.values(),
        study.roads.file,
        study.barriers.lines,
        *(source for spec in study.facilities for source in (spec, spec.gates)),
        *study.assets,
    ]
    named = (source.path for source in sources if source is not None)
    return list(dict.fromkeys((*named, *study.study.corrections)))


#: What belongs to a file and is read with it: a shapefile's parts, a GeoPackage's journals.
PARTS = {".shp": (".shx", ".dbf", ".prj", ".cpg"), ".gpkg": (".gpkg-wal", ".gpkg-journal")}


def _with_parts(study: Study, paths: Iterable[str]) -> list[str]:
    """Return paths with the parts that stand beside them: a .dbf that changed is another input too."""
    found = []
    for path in paths:
        stem, dot, suffix = path.rpartition(".")
        found.append(path)
        for end in PARTS.get(f"{dot}{suffix}".lower(), ()):
            part = next((one for one in (stem + end, stem + end.upper()) if study.locate(one).is_file()), None)
            found += [] if part is None else [part]
    return list(dict.fromkeys(found))


def _hash(study: Study, path: str) -> str:
    return hashlib.sha256(study.locate(path).read_bytes()).hexdigest()


def outside(prepared: Prepared) -> pd.DataFrame:
    """Return facilities left out because the cross-boundary switch is off."""
    read = prepared.inputs.facilities.frame
    return read[~read["id"].isin(prepared.world.facilities["id"])]


def door_counts(prepared: Prepared) -> dict[str, int]:
    """Return the number of doors by how they were found."""
    kind = prepared.world.entrances.kind
    return {name: int((kind == name).sum()) for name in KINDS}

"""``run.json``: the record of a run, written last; strict JSON with sorted keys, no clock and no absolute path."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from servicecircle.errors import InternalError, problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicecircle.analysis.finding import Finding
    from servicecircle.results import CriterionSummary, Results

TOOL = "servicecircle"
RECORD = "run.json"
LOG = "run.log"
FORMAT = 1
#: Keys of the provenance that stand at the top of the record: what happened at reading.
OF_READING = ("corrections", "rows")
RASTER = ("travel_time_", ".tif")
"""How the name of a travel time raster begins and ends."""

#: Every file of an output folder, in the order in which they are written; the travel time rasters, whose names
#: and number depend on the study (:mod:`servicecircle.outputs.rasters`), come before the start page.
FILES = (
    "map.html",
    "gaps.csv",
    "sites.csv",
    "units.csv",
    "scorecard.csv",
    "scorecard.html",
    "scorecard.xlsx",
    "criteria.csv",
    "shortfalls.csv",
    "ranges.csv",
    "set_aside.csv",
    "fields.csv",
    "gaps.xlsx",
    "study.gpkg",
    "start.html",
    LOG,
    RECORD,
)


def record_bytes(results: Results, folder: Path, names: Iterable[str]) -> bytes:
    """Return ``run.json`` for the finished files of a folder.

    It holds ``tool`` and ``format`` (how an output folder is known again), ``files`` (name, size, sha256; all
    files but itself and the log), ``study`` (the study file, filled up with defaults), ``given`` (only what it says,
    from which a run is repeated: whether a column was named can matter), ``provenance``, ``corrections`` (what was
    changed at reading), ``rows`` (what became of the rows of every file), ``ledger``, ``summaries``, ``findings`` and
    ``notices``. A number that is not finite is null.
    """
    tree = {
        "tool": TOOL,
        "format": FORMAT,
        "files": [_entry(folder, name) for name in sorted(names)],
        "study": results.study.model_dump(mode="json", by_alias=True),
        "given": results.study.model_dump(mode="json", by_alias=True, exclude_unset=True),
        "provenance": {key: value for key, value in results.provenance.items() if key not in OF_READING},
        **{key: results.provenance.get(key, []) for key in OF_READING},
        "ledger": [dataclasses.asdict(line) for line in results.ledger],
        "summaries": [_summary(summary) for summary in results.summaries],
        "findings": [_finding(finding) for finding in results.findings],
        "notices": list(results.notices),
    }
    text = json.dumps(plain(tree), ensure_ascii=False, allow_nan=False, indent=1, sort_keys=True)
    return f"{text}\n".encode()


def is_result(name: str) -> bool:
    """Return whether a run may write a file of this name."""
    return name in FILES or (name.startswith(RASTER[0]) and name.endswith(RASTER[1]))


def recorded_names(folder: Path) -> frozenset[str] | None:
    """Return the names a folder's own ``run.json`` lists, itself and the log included; None where it is not ours."""
    try:
        tree = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, ValueError):
        return None
    if not isinstance(tree, dict) or tree.get("tool") != TOOL or not isinstance(tree.get("files"), list):
        return None
    names = (entry.get("name") for entry in tree["files"] if isinstance(entry, dict))
    return frozenset(name for name in names if isinstance(name, str)) | {RECORD, LOG}


def plain(value: Any, place: str = "") -> Any:
    """Return a value as what JSON knows.

    Raises
    ------
    InternalError
        A value of another kind; ``place`` in the message is its dotted key.
    """
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, np.generic):
        return plain(value.item(), place)
    if isinstance(value, (int, float)):
        return value if math.isfinite(value) else None
    if isinstance(value, PurePath):
        return value.as_posix()
    if isinstance(value, Mapping):
        return {str(key): plain(item, f"{place}.{key}".lstrip(".")) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [plain(item, f"{place}[{index}]") for index, item in enumerate(items)]
    raise InternalError(problem("tables.not_json", key=place, value=repr(value)))


def _summary(summary: CriterionSummary) -> dict[str, Any]:
    criterion = summary.criterion
    names = [field.name for field in dataclasses.fields(summary) if field.name != "criterion"]
    of_criterion = ("key", "measure", "measure_key", "mode", "limit", "preferred")
    own: dict[str, Any] = {name: getattr(criterion, name) for name in of_criterion}
    own["standard"] = criterion.standard.model_dump(mode="json")
    return {name: getattr(summary, name) for name in names} | {"criterion": own}


def _finding(finding: Finding) -> dict[str, Any]:
    """Return a finding; the facilities and units it lists stand in ``shortfalls.csv``."""
    kept = {name: getattr(finding, name) for name in ("state", "verdict", "unit", "short_unit", "unknown", "missing")}
    readings = [dataclasses.asdict(reading) for reading in finding.readings]
    standard = finding.standard.model_dump(mode="json")
    return kept | {"readings": readings, "parameters": finding.parameters, "standard": standard}


def _entry(folder: Path, name: str) -> dict[str, Any]:
    content = (folder / name).read_bytes()
    return {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}

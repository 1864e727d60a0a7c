"""The files that belong to a file and are read with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicecircle.study import Study

#: What belongs to a file and is read with it: a shapefile's parts, a GeoPackage's journals.
PARTS = {".shp": (".shx", ".dbf", ".prj", ".cpg"), ".gpkg": (".gpkg-wal", ".gpkg-journal")}


def with_parts(study: Study, paths: Iterable[str]) -> list[str]:
    """Return paths of a study with the parts that stand beside them: a .dbf that changed is another input too."""
    found = []
    for path in paths:
        stem, dot, suffix = path.rpartition(".")
        found.append(path)
        for end in PARTS.get(f"{dot}{suffix}".lower(), ()):
            part = next((one for one in (stem + end, stem + end.upper()) if study.locate(one).is_file()), None)
            found += [] if part is None else [part]
    return list(dict.fromkeys(found))

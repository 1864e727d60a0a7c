"""Who made the data and under which licence: one line for each source a study names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

from servicecircle.study import File
from servicecircle.text.text import say

if TYPE_CHECKING:
    from servicecircle.study import Study


def credit_sources(study: Study) -> Iterator[tuple[str, File]]:
    """Yield ``(role, source)`` for each data file of the study, in the order of the study file.

    Roles are ``units``, ``unit_points``, ``population``, ``population_compare``, ``population_points``,
    ``population_table``, ``census``, ``population_group`` (a raster), ``roads``, ``barriers``, ``facilities``,
    ``gates`` (of a facility file) and
    ``assets``; each has a word in the text section ``tables.role``.
    """
    single = (
        ("units", study.area.units),
        ("unit_points", study.area.points),
        ("population", study.population.raster),
        ("population_compare", study.population.compare),
        ("population_points", study.population.points),
        ("population_table", study.population.table),
        ("census", study.population.calibrate),
        *(("population_group", source) for source in study.population.group_rasters.values()),
        ("roads", study.roads.file or _downloaded(study)),
        ("barriers", study.barriers.lines),
    )
    for role, source in single:
        if source is not None:
            yield role, source
    for facility_file in study.facilities:
        yield "facilities", facility_file
        if facility_file.gates is not None:
            yield "gates", facility_file.gates
    for asset_file in study.assets:
        yield "assets", asset_file


def _downloaded(study: Study) -> File | None:
    """Return the entry of roads that were downloaded: the study names no file."""
    download = study.roads.download
    return None if download is None else File(path="OpenStreetMap", source=download.source, licence=download.licence)


def credit_lines(study: Study) -> list[str]:
    """Return one line for each data source: its role, file name, source and licence, in the study's language.

    A source or a licence the study does not give is said to be missing. The file is named without its
    folder; equal lines (one file read twice) are said once.
    """
    language = study.outputs.language
    lines = [_line(language, role, source) for role, source in credit_sources(study)]
    return list(dict.fromkeys(lines))


def _line(language: str, role: str, source: File) -> str:
    return say(
        language,
        "tables.credit",
        role=say(language, f"tables.role.{role}"),
        file=PurePath(source.path).name,
        source=source.source or say(language, "tables.no_source"),
        licence=source.licence or say(language, "tables.no_licence"),
    )

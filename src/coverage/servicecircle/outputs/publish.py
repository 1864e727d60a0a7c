"""Write a run's results as one folder: all of it or nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from servicecircle.errors import StudyError
from servicecircle.outputs.criteria import criteria
from servicecircle.outputs.fields import field_frame
from servicecircle.outputs.folder import Held, cannot_write, hold, put, sync_file
from servicecircle.outputs.layers import write_layers
from servicecircle.outputs.rasters import raster_files
from servicecircle.outputs.record import LOG, RECORD, record_bytes
from servicecircle.outputs.scorecard import scorecard, shortfalls
from servicecircle.outputs.scorecard_page import scorecard_page
from servicecircle.outputs.start import start_page
from servicecircle.outputs.tables import csv_bytes
from servicecircle.outputs.webmap.page import map_page
from servicecircle.outputs.workbook import scorecard_workbook, workbook_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicecircle.results import Results

__all__ = ["hold", "publish"]


def publish(
    results: Results, folder: str | Path, *, command: str = "", log_lines: Sequence[str] = (), held: Held | None = None
) -> Path:
    """Write every output of a run into a folder, exchanging whatever set of ours stands there.

    Parameters
    ----------
    results : Results
        What the run found; nothing is computed here.
    folder : path
        The output folder itself. It need not exist; what others put into it is carried over.
    command : str
        The command that was given; it stands in ``run.log`` alone.
    log_lines : sequence of str
        Lines of ``run.log``, the only file that may hold times of day and absolute paths.
    held : Held, optional
        The folder, held since before the work began (``with hold(folder) as held``); otherwise it is held here.

    Returns
    -------
    Path
        ``start.html`` in the folder.

    Raises
    ------
    StudyError
        The folder is not ours, is being written by another run, or cannot be written; the old results stand.
    """
    with contextlib.ExitStack() as stack:
        held = held or stack.enter_context(hold(folder))
        try:
            with held.replaced() as new:
                _write(results, new, [f"$ {command}", *log_lines] if command else list(log_lines))
        except OSError as error:
            raise StudyError(cannot_write(error, held.target)) from error
    return Path(folder) / "start.html"


def _write(results: Results, new: Path, log_lines: Sequence[str]) -> None:
    """Write all files, the start page after what it lists, the record last."""
    put(new / "map.html", map_page(results).encode())
    tables = {"gaps": results.gaps, "sites": results.sites, "units": results.units}
    tables |= {"scorecard": scorecard(results), "criteria": criteria(results), "shortfalls": shortfalls(results)}
    tables |= {"ranges": results.ranges, "set_aside": results.set_aside}
    tables |= {"fields": field_frame(results.study.outputs.language)}
    for table, frame in tables.items():
        put(new / f"{table}.csv", csv_bytes(table, frame, study=results.study.study.name))
    put(new / "scorecard.html", scorecard_page(results).encode())
    put(new / "gaps.xlsx", workbook_bytes(results))
    put(new / "scorecard.xlsx", scorecard_workbook(results))
    write_layers(results, new / "study.gpkg")
    sync_file(new / "study.gpkg")
    for name, content in raster_files(results):
        put(new / name, content)
    sizes = {path.name: path.stat().st_size for path in sorted(new.iterdir())}
    put(new / "start.html", start_page(results, sizes).encode())
    listed = sorted(path.name for path in new.iterdir())
    put(new / LOG, "".join(f"{line}\n" for line in log_lines).encode())
    put(new / RECORD, record_bytes(results, new, listed))

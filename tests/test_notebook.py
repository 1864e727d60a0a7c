"""The notebook runs from top to bottom, and its kept outputs are tables and PNG figures, small, without an embedded map."""

from __future__ import annotations

import base64
import warnings
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.conftest import missing

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "first_study.ipynb"


@pytest.fixture(scope="module")
def kept() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def figures(notebook: Any) -> list[bytes]:
    return [base64.b64decode(o["data"]["image/png"]) for o in outputs(notebook) if "image/png" in o.get("data", {})]


def test_kept_outputs_are_tables_and_small_png_figures(kept: Any) -> None:
    assert len(figures(kept)) == 2
    assert all(figure.startswith(b"\x89PNG") for figure in figures(kept))
    assert sum("text/html" in o.get("data", {}) for o in outputs(kept)) >= 3
    assert NOTEBOOK.stat().st_size < 400_000


def test_no_map_is_embedded_and_no_error_is_kept(kept: Any) -> None:
    text = NOTEBOOK.read_text(encoding="utf-8").lower()
    assert [
        word
        for word in ("<script", "<iframe", "leaflet", "folium", "traceback", "/work/", "/root/", "/home/")
        if word in text
    ] == []
    assert [o for o in outputs(kept) if o.output_type == "error" or o.get("name") == "stderr"] == []


def test_cells_were_run_from_top_to_bottom(kept: Any) -> None:
    counts = [cell.execution_count for cell in kept.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert len(counts) >= 8


def test_a_copy_runs(kept: Any, tmp_path: Path) -> None:
    from matplotlib import font_manager
    from nbclient import NotebookClient

    fonts = {font.name for font in font_manager.fontManager.ttflist}
    if not fonts & {"Noto Sans CJK SC", "Microsoft YaHei", "SimHei", "Source Han Sans SC", "PingFang SC"}:
        missing("no Chinese font is installed (Debian: fonts-noto-cjk)")
    copy = nbformat.from_dict(kept)
    for output in copy.cells:
        output.pop("outputs", None) if output.cell_type == "code" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the kernel's own machinery
        client = NotebookClient(
            copy, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(NOTEBOOK.parent)}}
        )
        client.execute()
    assert len(figures(copy)) == 2
    printed = ["".join(o.get("text", "")) for o in outputs(copy) if o.output_type == "stream"]
    assert printed == ["".join(o.get("text", "")) for o in outputs(kept) if o.output_type == "stream"]

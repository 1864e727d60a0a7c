"""Run ``notebooks/first_study.ipynb`` in place and keep its outputs, nothing random in them (``make notebook``)."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "first_study.ipynb"


def steady(html: str, cell: int) -> str:
    """Replace the random element ids of a styled table by ids counted within the cell."""
    for number, name in enumerate(dict.fromkeys(re.findall(r"T_[0-9a-f]{5}", html))):
        html = html.replace(name, f"T_{cell:02d}{number}")
    return html


def main() -> None:
    """Execute every cell and write the notebook back."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    where = {"metadata": {"path": str(NOTEBOOK.parent)}}
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", record_timing=False, resources=where)
    client.execute()
    notebook.metadata["language_info"] = {"name": "python"}  # not the version that happened to run it
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output["data"]["text/html"] = steady(output["data"]["text/html"], number)
                output["data"]["text/plain"] = re.sub(r" at 0x[0-9a-f]+", "", output["data"]["text/plain"])
    nbformat.write(notebook, NOTEBOOK)
    print(f"{NOTEBOOK}: {NOTEBOOK.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()

"""Write the committed study and README of each of the five places anew, after a change of records or wording."""

from __future__ import annotations

from pathlib import Path

from servicecircle.sample.place import own_texts
from servicecircle.sample.presets import places

SEED = 1

if __name__ == "__main__":
    for name, preset in places().items():
        folder = Path(__file__).resolve().parents[1] / "geodata" / name
        folder.mkdir(exist_ok=True)
        for file, text in own_texts(preset, SEED).items():
            (folder / file).write_text(text, encoding="utf-8", newline="\n")

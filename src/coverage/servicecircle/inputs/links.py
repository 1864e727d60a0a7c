"""Whom facilities serve and refer to: the units of a joint clinic, the next level of a network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from servicecircle.inputs.joining import Joined, join_facilities, join_units
from servicecircle.inputs.matching import Names
from servicecircle.inputs.setaside import SetAside
from servicecircle.inputs.tables import LINKED, check_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicecircle.inputs.cells import Cell

_BETWEEN = re.compile(r"[、,，;；|/\n]+")


def read_links(
    cells: Sequence[Cell], facilities: pd.DataFrame | None, units: pd.DataFrame | None
) -> tuple[pd.DataFrame, list[SetAside]]:
    """Return whom facilities serve and refer to, and the words nobody could be found for.

    Parameters
    ----------
    cells : sequence of Cell
        Texts of the columns ``serves`` and ``refers_to``; one cell may name several.
    facilities, units : DataFrame or None
        ``FACILITIES`` and ``UNITS``; None where there are none: nothing is then joined.

    Returns
    -------
    links : DataFrame
        ``LINKED`` of :mod:`servicecircle.inputs.tables`, sorted, each pair once.
    set_aside : list of SetAside
    """
    words = [(cell, word.strip()) for cell in cells for word in _BETWEEN.split(cell.text) if word.strip()]
    found: list[tuple[str, str, str]] = []
    left: list[SetAside] = []
    for link, targets in (("serves", units), ("refers_to", facilities)):
        mine = [(cell, word) for cell, word in words if cell.asset == link]
        for (cell, word), whose in zip(mine, _join(link, [word for _, word in mine], targets), strict=True):
            if whose.reason is not None:
                left.append(SetAside(cell.source, cell.layer, cell.row, cell.label, word, whose.reason))
            elif whose.id and whose.id != cell.target_id:
                found.append((cell.target_id, link, whose.id))
    frame = pd.DataFrame(sorted(set(found)), columns=list(LINKED), dtype=object)
    check_frame(frame, LINKED)
    return frame, left


def _join(link: str, words: list[str], targets: pd.DataFrame | None) -> list[Joined]:
    if targets is None:
        return [Joined("") for _ in words]
    if link == "refers_to":
        return join_facilities(words, words, targets)
    nothing = [""] * len(words)
    codes = set(targets["id"])
    ids = [word if word in codes else "" for word in words]
    return join_units(Names(ids, words, nothing), targets, link)[0]

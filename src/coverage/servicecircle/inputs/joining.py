"""Whose row is it: facilities by identifier, else by exact name; units as village tables find them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from servicecircle.errors import Problem, problem
from servicecircle.inputs.matching import Names, match, names_of, sums_others
from servicecircle.inputs.problems import some

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

#: Rows of one file for which the nearest spellings are sought; the others are told without.
MOST_SOUGHT = 200
SPELLINGS = 3


@dataclass(frozen=True)
class Joined:
    """Whose row it is, or why that is not known."""

    id: str
    """Identifier of the facility or unit; empty where there is none."""
    reason: Problem | None = None
    """Why the row is nobody's."""


def join_facilities(ids: Sequence[str], names: Sequence[str], facilities: pd.DataFrame) -> list[Joined]:
    """Find the facility of each row: by its id, by the id its own file gives it, else by its exact name.

    Parameters
    ----------
    ids, names : sequences of str (rows,)
        As the table holds them; may be empty.
    facilities : DataFrame
        ``FACILITIES`` of :mod:`servicecircle.inputs.tables`.

    Returns
    -------
    list of Joined (rows,)
        A word that fits several facilities is nobody's.
    """
    full = _by_word(zip(facilities["id"], facilities["id"], strict=True))
    bare = _by_word(
        (one.removeprefix(f"{PurePath(source).stem}:"), one)
        for one, source in zip(facilities["id"], facilities["source"], strict=True)
    )
    named = _by_word(zip(facilities["name"], facilities["id"], strict=True))
    seek = _Spellings([*bare, *named])
    return [
        _first([full.get(one), bare.get(one), named.get(name)], one or name, seek)
        for one, name in zip(map(str, ids), map(str, names), strict=True)
    ]


def join_units(rows: Names, units: pd.DataFrame, file: str) -> tuple[list[Joined], tuple[Problem, ...]]:
    """Find the unit of each row as a village table's rows find theirs (:func:`matching.match`).

    Several rows may be one unit's, since they may hold other values or other years.

    Parameters
    ----------
    rows : Names
        As the table holds them; texts may be empty.
    units : DataFrame
        ``UNITS`` of :mod:`servicecircle.inputs.tables`.
    file : str
        The table, for notices.

    Returns
    -------
    joined : list of Joined (rows,)
    notices : tuple of Problem
        Rows joined though their name is another, or of another kind: to be checked.
    """
    targets = names_of(units)
    every = list(zip(rows.code, rows.name, rows.town, strict=True))
    # the same unit once, whatever the number of its rows; sorted, so that their order decides nothing
    once = [row for row in sorted(set(every)) if not sums_others(*row)]
    found = match(Names(*([row[k] for row in once] for k in range(3))), targets, several=True)
    target = found.target
    joined = dict.fromkeys(every, Joined("", problem("matching.total")))
    for k, row in enumerate(once):
        joined[row] = Joined(targets.code[target[k]] if target[k] >= 0 else "", found.reason.get(k))
    notices = []
    for key, told in (("matching.other_name", found.other_name), ("matching.other_kind", found.other_kind)):
        if told:
            pairs = some(f"{once[k][2]}{once[k][1]} / {targets.name[target[k]]}" for k in told)
            notices.append(problem(key, file=file, count=len(told), pairs=pairs))
    return [joined[row] for row in every], tuple(notices)


def join_names(names: Sequence[str], targets: pd.DataFrame) -> list[Joined]:
    """Find the row with exactly this name, blanks at the ends aside (``id`` and ``name`` of ``targets``)."""
    named = _by_word(zip(targets["name"], targets["id"], strict=True))
    seek = _Spellings([*named])
    return [_first([named.get(name.strip())], name.strip(), seek) for name in map(str, names)]


def _by_word(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word, one in pairs:
        if word:
            found.setdefault(word, []).append(one)
    return found


class _Spellings:
    """The nearest spellings of a word, sought for the first rows only: comparing is slow."""

    def __init__(self, known: Sequence[str]) -> None:
        self.known = sorted(set(known))
        self.sought = 0

    def near(self, word: str) -> str:
        self.sought += 1
        if self.sought > MOST_SOUGHT:
            return "-"
        return ", ".join(difflib.get_close_matches(word, self.known, n=SPELLINGS, cutoff=0.4)) or "-"


def _first(found: Sequence[list[str] | None], word: str, seek: _Spellings) -> Joined:
    """Return the only one of the first list that holds any."""
    if not word:
        return Joined("", problem("assets.reason.no_key"))
    matches = next((one for one in found if one), None)
    if matches is None:
        return Joined("", problem("assets.reason.unmatched", nearest=seek.near(word)))
    if len(matches) > 1:
        return Joined("", problem("assets.reason.several", ids=", ".join(sorted(matches)[:SPELLINGS])))
    return Joined(matches[0])

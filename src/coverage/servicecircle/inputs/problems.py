"""Helpers for messages: the nearest existing name, and going on after a problem to find the next one."""

from __future__ import annotations

import difflib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from servicecircle.errors import Problem, StudyError, problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

#: Rows of one file that are named one by one; the rest is counted.
NAMED_ROWS = 10


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name closest to ``name`` (case does not matter), ``-`` when none is near."""
    by_folded = {other.casefold(): other for other in known if other}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.4)
    return by_folded[found[0]] if found else "-"


@contextmanager
def collect(problems: list[Problem]) -> Iterator[None]:
    """Add the problems of a StudyError inside the block to ``problems`` and go on after the block."""
    try:
        yield
    except StudyError as error:
        problems.extend(error.problems)


def some(values: Iterable[object], most: int = NAMED_ROWS) -> str:
    """Return the first values joined by commas, with a mark when there are more."""
    texts = [str(value) for value in values]
    return ", ".join(texts[:most]) + (" …" if len(texts) > most else "")


def duplicate_ids(place: str, ids: Sequence[str], rows: Sequence[int]) -> list[Problem]:
    """Return a problem for each identifier that stands in more than one row; empty ones do not count."""
    where: dict[str, list[int]] = {}
    for one, row in zip(ids, rows, strict=True):
        where.setdefault(one, []).append(int(row))
    again = sorted(one for one in where if one and len(where[one]) > 1)
    found = [problem("inputs.duplicate_id", file=place, id=one, rows=some(where[one])) for one in again[:NAMED_ROWS]]
    if len(again) > NAMED_ROWS:
        found.append(problem("inputs.more_duplicates", file=place, count=len(again) - NAMED_ROWS))
    return found

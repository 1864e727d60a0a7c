"""The account of every file that is read row by row: rows in = used + set aside + not asked for.

A row that is refused stops the run, so a run that goes on has none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from servicecircle.errors import InternalError, Problem, problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from servicecircle.inputs.setaside import SetAside
    from servicecircle.inputs.tables import Table


@dataclass(frozen=True)
class RowCount:
    """What became of the rows of one file, or of one layer or sheet of it.

    A file that stands twice in the study is counted twice, each time with its own conditions.
    """

    file: str
    """File as the study names it."""
    layer: str
    """Layer or sheet, empty when there is none."""
    rows: int
    """Rows of the file; blank ones are none."""
    used: int
    """Rows of which anything is used; single values of theirs may be set aside."""
    set_aside: int
    """Rows of which nothing is used; each is in ``set_aside.csv`` with its reason."""
    not_asked: int = 0
    """Rows the study's own ``where`` leaves out, and rows of a corrections file that nobody filled in."""

    @property
    def closes(self) -> bool:
        """Whether every row is accounted for."""
        parts = (self.used, self.set_aside, self.not_asked)
        return min(parts) >= 0 and sum(parts) == self.rows


def account(table: Table, used: Iterable[int], left: Iterable[SetAside], not_asked: int = 0) -> RowCount:
    """Return what became of the rows of a table; each of the three parts is counted by itself.

    Parameters
    ----------
    table : Table
    used : iterable of int
        Row numbers as a person counts them, of the rows anything is used of.
    left : iterable of SetAside
        Entries of this table; those of a used row stand for single values.
    not_asked : int
        Rows the study's conditions leave out.

    Raises
    ------
    InternalError
        The account does not close, or a row is not in the table: a fault of the package.
    """
    taken = {int(row) for row in used}
    lost = {one.row for one in left} - taken
    count = RowCount(table.file, table.layer, len(table.cells), len(taken), len(lost), not_asked)
    if not count.closes or not (taken | lost) <= {int(row) for row in table.rows}:
        raise InternalError(_open(count))
    return count


def row_record(counts: Sequence[RowCount], beyond: Iterable[int]) -> list[dict[str, Any]]:
    """Return the counts as ``run.json`` lists them.

    Parameters
    ----------
    counts : sequence of RowCount
    beyond : iterable of int
        Position of the count of each row that was used when it was read and left out afterwards: a facility beyond the
        units of a study that does not cross its boundary. They are set aside.

    Raises
    ------
    InternalError
        An account does not close.
    """
    later = Counter(beyond)
    final = [replace(one, used=one.used - later[k], set_aside=one.set_aside + later[k]) for k, one in enumerate(counts)]
    if broken := [_open(one) for one in final if not one.closes]:
        raise InternalError(broken)
    return [asdict(one) for one in final]


def _open(count: RowCount) -> Problem:
    place = f"{count.file} [{count.layer}]" if count.layer else count.file
    parts = {"used": count.used, "set_aside": count.set_aside, "not_asked": count.not_asked}
    return problem("rows.open", file=place, count=count.rows, **parts)

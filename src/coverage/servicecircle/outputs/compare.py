"""What changed between two runs: units, people, criteria and rows of the scorecard, with the causes.

Numbers are taken as the tables hold them and subtracted as decimal numbers, so a difference is exactly that of the
two cells. A unit is listed under a criterion when its verdict or its people changed, or when it stands in one run
only; where nothing but a time, a distance or the nearest facility moved, its change is ``value``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from servicecircle.errors import StudyError, problem
from servicecircle.inputs.problems import some
from servicecircle.outputs.causes import Cause, causes, kinds
from servicecircle.outputs.recorded import Recorded, Row, read_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

#: Tables that are compared.
READ = ("units", "criteria", "gaps", "scorecard")
#: Columns without which a table cannot be compared.
NEEDED = {
    "units": {"criterion", "unit_id", "name", "parent", "short", "persons", "covered_persons"},
    "criteria": {"id", "title", "state"},
    "gaps": {"criterion"},
    "scorecard": {"place", "row", "title"},
}
#: How a unit changed, the most important first.
CHANGES = ("verdict", "appeared", "gone", "people", "value")
#: Columns of ``units.csv`` that hold people; a change in one is a change of people.
PEOPLE = (
    "persons",
    "covered_persons",
    "uncovered_persons",
    "later_persons",
    "unreachable_persons",
    "unattached_persons",
    "no_facility_persons",
)
#: Columns of ``units.csv`` that name things: another spelling is no change of a unit's result.
LABELS = ("name", "parent", "nearest_name", "study")
#: Columns of ``criteria.csv`` that are compared; ``gaps`` is the number of rows in ``gaps.csv``.
CRITERIA = (
    *("state", "verdict", "assumed_verdict", "facilities", "persons", "covered_persons", "share_covered", "units"),
    *("units_short", "target_share", "gaps"),
)
#: Columns of ``scorecard.csv`` that are compared; the last is in words, so only between runs of one language.
SCORECARD = ("state", "verdict", "value_text")


@dataclass(frozen=True)
class UnitChange:
    """One unit under one criterion; cells as the tables hold them, empty where a run has no such row.

    Attributes
    ----------
    change : str
        ``verdict`` (short or no longer short), ``appeared``, ``gone``, ``people`` (same verdict) or ``value``.
    short_before, short_after : str
        ``true``, ``false`` or empty.
    difference : Decimal
        People covered now less people covered before; a unit that stands in one run only counts 0 in the other.
    """

    criterion: str
    unit_id: str
    name: str
    parent: str
    change: str
    short_before: str
    short_after: str
    persons_before: str
    persons_after: str
    covered_before: str
    covered_after: str
    difference: Decimal


@dataclass(frozen=True)
class RowChange:
    """One criterion or row of the scorecard, with the cells that changed.

    Attributes
    ----------
    change : str
        ``changed``, ``appeared`` or ``gone``.
    cells : mapping of str to pair of str
        Old and new cell of each column that changed; of a row in one run only all columns, the other side empty.
    """

    id: str
    title: str
    change: str
    cells: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Tally:
    """What the units of one criterion add up to.

    Attributes
    ----------
    newly_short, no_longer_short : int
        Units whose verdict changed.
    gained, lost : Decimal
        Sum of the units' positive differences, and of the negative ones without their sign.
    """

    criterion: str
    newly_short: int
    no_longer_short: int
    appeared: int
    gone: int
    people: int
    value: int
    gained: Decimal
    lost: Decimal


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side.

    Attributes
    ----------
    causes : tuple of Cause
        What the runs do not share, in the order of the classes.
    people : mapping of str to pair of float
        People by where the ledger puts them (in units, outside), old and new, where the two differ.
    files : tuple of str
        Files of the output folder whose bytes differ.
    """

    old: Recorded
    new: Recorded
    causes: tuple[Cause, ...]
    units: tuple[UnitChange, ...]
    criteria: tuple[RowChange, ...]
    scorecard: tuple[RowChange, ...]
    people: Mapping[str, tuple[float | None, float | None]]
    files: tuple[str, ...]
    tallies: tuple[Tally, ...] = field(default=())

    @property
    def same_results(self) -> bool:
        """Whether no unit, criterion, row or sum of people changed."""
        return not (self.units or self.criteria or self.scorecard or self.people)

    @property
    def equal(self) -> bool:
        """Whether the two runs are the same in everything: inputs, results and every byte written."""
        return self.same_results and not self.causes and not self.files

    @property
    def classes(self) -> list[str]:
        """The classes of causes, each once."""
        return kinds(self.causes)


def compare(old: Path, new: Path) -> Comparison:
    """Compare two output folders.

    Raises
    ------
    StudyError
        A folder holds no record of ours or one of another format, or a table was changed after its run.
    """
    before, after = _read(old), _read(new)
    criteria = tuple(_criteria(before, after))
    units = _sorted(_units(before, after), _order(before, after))
    names = {*before.hashes, *after.hashes}
    return Comparison(
        old=before,
        new=after,
        causes=tuple(causes(before.tree, after.tree)),
        units=units,
        criteria=criteria,
        scorecard=tuple(_scorecard(before, after)),
        people=_people(before.tree, after.tree),
        files=tuple(sorted(n for n in names if before.hashes.get(n) != after.hashes.get(n))),
        tallies=tuple(_tallies(units)),
    )


def _read(folder: Path) -> Recorded:
    run = read_folder(folder, READ)
    for table, rows in run.tables.items():
        lost = NEEDED[table] - (rows[0].keys() if rows else NEEDED[table])
        if lost:
            column = some(sorted(lost))
            raise StudyError(problem("compare.columns", file=f"{table}.csv", folder=str(folder), column=column))
    return run


def _order(old: Recorded, new: Recorded) -> list[str]:
    """Return the criteria in the order of the new run, then those of the old run alone."""
    return list(dict.fromkeys(row["id"] for run in (new, old) for row in run.tables["criteria"]))


def _units(old: Recorded, new: Recorded) -> Iterator[UnitChange]:
    """Yield the units that changed under criteria that both runs computed."""
    computed = [{row["id"] for row in run.tables["criteria"] if row["state"] == "computed"} for run in (old, new)]
    before, after = (_by(run.tables["units"], _unit_key) for run in (old, new))
    for key in dict.fromkeys((*after, *before)):
        if key[0] in computed[0] & computed[1]:
            one, other = before.get(key, {}), after.get(key, {})
            change = _change(one, other)
            if change:
                yield _unit_change(key, change, one, other)


def _unit_key(row: Row) -> tuple[str, ...]:
    return (row["criterion"], row["unit_id"])


def _by(rows: Sequence[Row], key: Callable[[Row], tuple[str, ...]]) -> dict[tuple[str, ...], Row]:
    return {key(row): row for row in rows}


def _change(old: Row, new: Row) -> str:
    """Return how a unit's row changed, empty when it did not."""
    if not old or not new:
        return "appeared" if new else "gone"
    if old["short"] != new["short"]:
        return "verdict"
    shared = old.keys() & new.keys()  # another version may have a column more
    changed = {name for name in shared if old[name] != new[name]} - {*LABELS}
    if changed & {*PEOPLE}:
        return "people"
    return "value" if changed else ""


def _unit_change(key: tuple[str, ...], change: str, old: Row, new: Row) -> UnitChange:
    known = new or old
    return UnitChange(
        criterion=key[0],
        unit_id=key[1],
        name=known["name"],
        parent=known["parent"],
        change=change,
        short_before=old.get("short", ""),
        short_after=new.get("short", ""),
        persons_before=old.get("persons", ""),
        persons_after=new.get("persons", ""),
        covered_before=old.get("covered_persons", ""),
        covered_after=new.get("covered_persons", ""),
        difference=_number(new.get("covered_persons", "")) - _number(old.get("covered_persons", "")),
    )


def _number(text: str) -> Decimal:
    return Decimal(text) if text else Decimal(0)


def _sorted(found: Iterable[UnitChange], order: Sequence[str]) -> tuple[UnitChange, ...]:
    place = {criterion: number for number, criterion in enumerate(order)}
    return tuple(
        sorted(found, key=lambda u: (place[u.criterion], CHANGES.index(u.change), -abs(u.difference), u.unit_id))
    )


def _tallies(units: Sequence[UnitChange]) -> Iterator[Tally]:
    for criterion in dict.fromkeys(one.criterion for one in units):
        mine = [one for one in units if one.criterion == criterion]
        count = {change: sum(one.change == change for one in mine) for change in CHANGES}
        yield Tally(
            criterion=criterion,
            newly_short=sum(one.change == "verdict" and one.short_after == "true" for one in mine),
            no_longer_short=sum(one.change == "verdict" and one.short_before == "true" for one in mine),
            appeared=count["appeared"],
            gone=count["gone"],
            people=count["people"],
            value=count["value"],
            gained=sum((one.difference for one in mine if one.difference > 0), Decimal(0)),
            lost=sum((-one.difference for one in mine if one.difference < 0), Decimal(0)),
        )


def _criteria(old: Recorded, new: Recorded) -> Iterator[RowChange]:
    before, after = (
        {row["id"]: row | {"gaps": _gaps(run, row)} for row in run.tables["criteria"]} for run in (old, new)
    )
    yield from _rows(before, after, CRITERIA, lambda row: (row["id"], row["title"]))


def _gaps(run: Recorded, row: Row) -> str:
    """Return how many rows the list of gaps has for a criterion; empty where it was not computed."""
    if row["state"] != "computed":
        return ""
    return str(sum(gap["criterion"] == row["id"] for gap in run.tables["gaps"]))


def _scorecard(old: Recorded, new: Recorded) -> Iterator[RowChange]:
    names = SCORECARD if old.language == new.language else SCORECARD[:-1]
    before, after = ({f"{row['place']}/{row['row']}": row for row in run.tables["scorecard"]} for run in (old, new))
    yield from _rows(before, after, names, lambda row: (f"{row['place']}/{row['row']}", row["title"]))


def _rows(
    old: Mapping[str, Row], new: Mapping[str, Row], names: Sequence[str], called: Callable[[Row], tuple[str, str]]
) -> Iterator[RowChange]:
    for key in dict.fromkeys((*new, *old)):
        before, after = old.get(key, {}), new.get(key, {})
        cells = {name: (before.get(name, ""), after.get(name, "")) for name in names}
        changed = {name: pair for name, pair in cells.items() if pair[0] != pair[1]}
        if not before or not after:
            yield RowChange(*called(after or before), "appeared" if after else "gone", changed)
        elif changed:
            yield RowChange(*called(after), "changed", changed)


def _people(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[float | None, float | None]]:
    before, after = (_window(tree) for tree in (old, new))
    pairs = {name: (before.get(name), after.get(name)) for name in dict.fromkeys((*after, *before))}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _window(tree: Mapping[str, Any]) -> dict[str, float]:
    """Return the people of the ledger's first line: all in the window, in units and outside."""
    for line in tree["ledger"]:
        if line["name"] == "window":
            return {"window": line["left"], **line["parts"]}
    return {}

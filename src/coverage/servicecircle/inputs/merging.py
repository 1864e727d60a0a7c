"""Equal rows are one facility; the others are set aside, and one identifier never stands for two contents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicecircle.errors import Problem, problem
from servicecircle.inputs.setaside import SetAside

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

#: Code of a type that the vocabulary does not know.
UNKNOWN = "unknown"
#: Decimals of a degree at which two places are one: about a centimetre.
SAME_PLACE = 7


@dataclass(frozen=True)
class Merged:
    """Facilities sorted by id, the rows left over, which id stands for theirs, and ids with two contents.

    Of an id with two contents the first row stays, so that the doctor can look at the others.
    """

    rows: pd.DataFrame
    again: pd.DataFrame
    same: dict[str, str]
    problems: list[Problem]


def merged_rows(rows: pd.DataFrame) -> Merged:
    """Make one facility of equal rows."""
    lon, lat = (rows[axis].round(SAME_PLACE).astype(str) for axis in ("lon", "lat"))
    kind = rows["type"].where(rows["type"] != UNKNOWN, UNKNOWN + rows["type_text"])
    content = kind + "\n" + rows["name"] + "\n" + lon + " " + lat + rows["shape_text"]
    ordered = rows.assign(content=content).sort_values(["id", "source", "row"], kind="stable")
    contents = ordered[["id", "content", "ownership"]].drop_duplicates()
    torn = ordered["id"].isin(contents["id"][contents["id"].duplicated()])
    problems = [_two_contents(group) for _, group in ordered[torn].groupby("id")]
    again = ordered["content"].duplicated() | (torn & ordered["id"].duplicated())
    first = dict(zip(ordered["content"][~again], ordered["id"][~again], strict=True))
    kept = ordered[ordered["content"].isin(first)]
    same = {str(one): first[content] for one, content in zip(kept["id"], kept["content"], strict=True)}
    return Merged(ordered[~again].reset_index(drop=True), ordered[again], same, problems)


def duplicate_rows(again: pd.DataFrame, same: Mapping[str, str]) -> list[SetAside]:
    """Return the rows that repeat a facility, each with the id it has there."""
    return [
        SetAside(
            row["source"],
            row["layer"],
            int(row["row"]),
            row["id"],
            row["name"],
            problem("facilities.duplicate", other=same.get(row["id"], row["id"])),
        )
        for row in again.to_dict("records")
    ]


def _two_contents(group: pd.DataFrame) -> Problem:
    first = group.iloc[0]
    differs = (group[["content", "ownership"]] != first[["content", "ownership"]]).any(axis=1)
    second = group[differs].iloc[0]
    return problem(
        "facilities.two_contents",
        id=first["id"],
        file=first["source"],
        row=int(first["row"]),
        other_file=second["source"],
        other_row=int(second["row"]),
    )

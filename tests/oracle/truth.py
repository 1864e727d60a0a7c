"""The truth of a county folder: for every unit and criterion the people not covered, and whether the unit is short.

    python -m tests.oracle.truth FOLDER [-o FILE]

writes `truth.csv` (and `planted_truth.csv` where the folder holds `planted.csv`) and prints a summary. A verdict is
`decided` when it is the same with the limit 10 % shorter and 10 % longer, a presence when no facility within 10 m of a
border could change it.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from .county import BORDER_M, GEOD, County, demand_points, points_per_side, read_county
from .fast_legs import FastWorld
from .fast_travel import Answers, Points, Traveller, straight_many
from .relief import read_relief

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .criteria import Criterion

FACTORS = (0.9, 1.0, 1.1)
COLUMNS = ["unit_id", "name", "criterion", "persons", "uncovered_090", "uncovered", "uncovered_110", "short", "decided"]


def is_short(persons: np.ndarray, uncovered: np.ndarray) -> np.ndarray:
    """Design section 7: 30 people and 5 %, or half and 5 people. The last bits of a sum decide nothing."""
    slack = 1 - 1e-9
    many = (uncovered >= 30 * slack) & (uncovered >= 0.05 * persons * slack)
    half = (uncovered >= 0.5 * persons * slack) & (uncovered >= 5 * slack)
    return (persons > 0) & (many | half)


@dataclass
class Truth:
    """A county, its roads and demand points, and every question that is asked of them.

    `any_owner` lets every owner count; `only` keeps the demand points of these units (rows) alone, `asked` the modes of
    this criterion.
    """

    county: County
    use_relief: bool = False
    any_owner: bool = False
    only: Sequence[int] | None = None
    asked: Criterion | None = None
    fast: FastWorld | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    answers: dict[Any, Answers] = field(default_factory=dict)
    doors: dict[bytes, Points] = field(default_factory=dict)

    @cached_property
    def traveller(self) -> Traveller:
        """The roads."""
        start = time.perf_counter()
        fast = self.fast or FastWorld(self.county.world())
        relief = read_relief(self.county.folder, self.county.study, fast) if self.use_relief else None
        self.seconds["roads"] = time.perf_counter() - start
        return Traveller(fast, relief=relief)

    @cached_property
    def modes(self) -> list[str]:
        """Modes some criterion travels by."""
        asked = self.county.criteria if self.asked is None else [self.asked]
        return sorted({c.mode for c in asked} - {""})

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        lonlat, cell = demand_points(self.county, points_per_side(self.county))
        if self.only is not None:
            people = self.county.people
            keep = np.isin(cell, people.share_cell[np.isin(people.share_unit, list(self.only))])
            lonlat, cell = lonlat[keep], cell[keep]
        return lonlat, cell

    @cached_property
    def demand(self) -> Points:
        """Demand points with their legs."""
        start = time.perf_counter()
        points = self.traveller.demand(self._places[0], self.modes)
        self.seconds["legs"] = time.perf_counter() - start
        return points

    def doors_of(self, rows: np.ndarray) -> Points:
        """Facilities (rows of the list) with their legs."""
        key = rows.tobytes()
        if key not in self.doors:
            lonlat = self.county.facilities[["lon", "lat"]].to_numpy(dtype=float)[rows]
            self.doors[key] = self.traveller.doors(lonlat, self.modes)
        return self.doors[key]

    def reach(self, criterion: Criterion) -> Answers:
        """Nearest facility of every demand point."""
        rows = self.county.of(criterion, any_owner=self.any_owner)
        key = rows.tobytes(), criterion.straight, criterion.mode, criterion.direction, criterion.quantity
        if key not in self.answers:
            ids = self.county.facilities["id"].iloc[rows].tolist()
            demand, doors = self.demand, self.doors_of(rows)
            start = time.perf_counter()
            if criterion.straight:
                self.answers[key] = straight_many(demand, doors, ids)
            else:
                how = {"direction": criterion.direction, "measure": criterion.quantity}
                self.answers[key] = self.traveller.reach(demand, doors, ids, criterion.mode, **how)
            self.seconds["travel"] = self.seconds.get("travel", 0.0) + time.perf_counter() - start
        return self.answers[key]

    def persons(self) -> np.ndarray:
        """People of each unit."""
        p = self.county.people
        raw = np.bincount(p.share_unit, weights=p.persons[p.share_cell] * p.share, minlength=len(self.county.units))
        return raw * p.factor

    def uncovered(self, criterion: Criterion, factor: float) -> np.ndarray:
        """People of each unit beyond the limit times a factor; only units of `only` are complete."""
        p, cell = self.county.people, self._places[1]
        inside = self.reach(criterion).within(int(np.rint(criterion.limit * factor)))
        total = np.bincount(cell, minlength=len(p.persons))
        missed = np.bincount(cell, weights=~inside, minlength=len(p.persons)) / np.maximum(total, 1)
        people = p.persons[p.share_cell] * p.share * missed[p.share_cell]
        return np.bincount(p.share_unit, weights=people, minlength=len(self.county.units)) * p.factor

    def counts(self, criterion: Criterion) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Facilities of each unit's village, town or county: (as they lie, surely, possibly)."""
        units, facilities = self.county.units, self.county.facilities
        rows = self.county.of(criterion, any_owner=self.any_owner)
        per = criterion.rule.per
        group = units["id"] if per == "village" else units["town"] if per == "township" else pd.Series("", units.index)
        spots = facilities.iloc[rows]
        points = shapely.points(spots["lon"], spots["lat"])
        found = {}
        for name in group.unique():
            land = shapely.union_all(units.geometry[group == name].to_numpy())
            inside = shapely.intersects(land, points)
            near = np.array([_metres(land.boundary, p) < BORDER_M for p in points], dtype=bool)
            found[name] = inside.sum(), (inside & ~near).sum(), (inside | near).sum()
        table = np.array([found[name] for name in group], dtype=int).reshape(-1, 3)
        return table[:, 0], table[:, 1], table[:, 2]

    def judge(self, criterion: Criterion) -> pd.DataFrame:
        """The rows of one criterion."""
        persons = self.persons()
        if criterion.presence:
            count, sure, possible = self.counts(criterion)
            missing = [persons * (n < 1) for n in (sure, count, possible)]
        else:
            missing = [self.uncovered(criterion, factor) for factor in FACTORS]
        # the same people count for a presence: a hamlet of three without a clinic is no short unit
        short = [is_short(persons, m) for m in missing]
        units = self.county.units
        frame = pd.DataFrame({"unit_id": units["id"], "name": units["name"], "criterion": criterion.key})
        frame["persons"], frame["uncovered_090"], frame["uncovered"], frame["uncovered_110"] = persons, *missing
        frame["short"], frame["decided"] = short[1], (short[0] == short[1]) & (short[1] == short[2])
        return frame[self.county.applies(criterion)]

    def table(self) -> pd.DataFrame:
        """All rows, sorted by criterion and unit."""
        frames = [self.judge(c) for c in self.county.criteria if not self.county.no_data(c)]
        if not frames:
            return pd.DataFrame(columns=COLUMNS)
        return pd.concat(frames).sort_values(["criterion", "unit_id"], ignore_index=True)[COLUMNS]


def _metres(line: Any, point: Any) -> float:
    """Geodesic distance from a point to the place of the line nearest in degrees (near enough beside a border)."""
    near = shapely.shortest_line(line, point)
    (a, b), (c, d) = near.coords
    return float(GEOD.inv(a, b, c, d)[2])


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Two decimals, true and false, Unix line ends."""
    out = frame.copy()
    for column in out:
        if out[column].dtype == bool:
            out[column] = np.where(out[column], "true", "false")
        elif out[column].dtype == float:
            out[column] = [f"{v:.2f}" for v in out[column]]
    out.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def read_truth(path: str | Path) -> pd.DataFrame:
    """A file written by `write_csv`."""
    table = pd.read_csv(path, dtype={"unit_id": str, "short": str, "decided": str}, keep_default_na=False)
    for column in {"short", "decided"} & set(table):
        table[column] = table[column].map({"true": True, "false": False}).astype(bool)
    return table


def summary(truth: Truth, table: pd.DataFrame) -> str:
    """One line for each criterion, and what was left out."""
    lines = []
    for key, rows in table.groupby("criterion"):
        people, missed = rows["persons"].sum(), rows["uncovered"].sum()
        lines.append(
            f"{key}: {int(rows['short'].sum())} of {len(rows)} units short, {int((~rows['decided']).sum())} undecided, "
            f"{missed:,.0f} of {people:,.0f} people uncovered"
        )
    county = truth.county
    lines += [f"{c.key}: no data" for c in county.criteria if county.no_data(c)]
    lines.append(f"{county.people.outside:,.1f} people outside all units; set aside: {len(county.set_aside)}")
    lines += [f"  {line}" for line in county.set_aside]
    lines.append(
        f"{len(truth.demand.lonlat):,} demand points, {len(truth.traveller.fast.edges):,} edges; seconds: "
        + ", ".join(f"{name} {value:.1f}" for name, value in truth.seconds.items())
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the truth of a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=None, help="truth.csv (default: in the folder)")
    given = parser.parse_args(arguments)
    from .planted import NEEDS, planted_truth

    start = time.perf_counter()
    county = read_county(given.folder)
    output = given.output or county.folder / "truth.csv"
    truth = Truth(county, use_relief="relief" in county.study)
    truth.seconds["files"] = time.perf_counter() - start
    table = truth.table()
    table["needs"] = ""
    planted = county.folder / "planted.csv"
    if planted.exists():
        verified = planted_truth(truth, planted)
        write_csv(verified, output.with_name("planted_truth.csv"))
        keys = set(zip(verified["unit_id"], verified["criterion"], verified["cause"], strict=True))
        beyond = {(unit, key): NEEDS[cause] for unit, key, cause in keys if cause in NEEDS}
        table["needs"] = [beyond.get(pair, "") for pair in zip(table["unit_id"], table["criterion"], strict=True)]
        print(verified.to_string(max_colwidth=40))
    write_csv(table, output)
    truth.seconds["all"] = time.perf_counter() - start
    print(summary(truth, table))


if __name__ == "__main__":
    main()

"""Planted causes proved by counterfactual: with the cause a unit is short, without it, it is not; both with 10 % to spare.

`planted.csv` says in its column `counterfactual` what takes the cause away, edits separated by `;`:

    add_facility=lon,lat,word[,owner]   one more facility (WGS 84)
    move_facility=id,lon,lat            a facility where it really stands (rows that were set aside come back)
    drop_facility=id                    one facility less (near misses)
    set_type=id,word  set_owner=id,word
    ownership=any                       every owner counts
    add_road=lon1,lat1,lon2,lat2        a road between two places, joined to the nearest road node at both ends
    join_nodes=a,b                      a piece of road between two OSM nodes
    ignore_barriers=river|railway|motorway|wall|all
    oneway=off                          every road both ways
    flat                                the ground is level (cause slope)
    limit=0.8                           nothing changes but the limit (near misses)

A near miss is a unit that is not short but would be with 0.8 x the limit (or is short and would not be with the limit
divided by 0.8); of a presence, one with a single facility.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .criteria import facility_type, owner
from .fast_legs import FastWorld
from .osm import GEOD, Tags, Way, is_water_area, routable
from .truth import FACTORS, Truth, is_short

if TYPE_CHECKING:
    from pathlib import Path

    from .county import County
    from .criteria import Criterion

CAUSES = (
    "river_detour", "no_road", "no_facility", "wrong_ownership", "one_way", "slope", "data_defect", "near_miss",
)  # fmt: skip
NEEDS = {"slope": "relief"}
NEAR = 0.8
NEW_WAY = 1 << 50
NEW_NODE = 1 << 51
ROAD: Tags = {"highway": "residential"}
NETWORK = ("add_road", "join_nodes", "ignore_barriers", "oneway")
FIGURES = ("before_090", "before", "before_110", "after_090", "after", "after_110")


def parse(text: str) -> list[tuple[str, list[str]]]:
    """Edits of a counterfactual: (name, values)."""
    edits = []
    for part in filter(None, (p.strip() for p in text.split(";"))):
        name, _, values = part.partition("=")
        edits.append((name.strip(), [v.strip() for v in values.split(",")] if values else []))
    return edits


# --- edits ------------------------------------------------------------------------------------------------------------


def _nearest_node(ways: list[Way], lon: float, lat: float) -> tuple[int, float, float]:
    nodes = [n for _, nodes, tags in ways if routable(tags) for n in nodes if n[1] is not None]
    x, y = np.array([n[1] for n in nodes], dtype=float), np.array([n[2] for n in nodes], dtype=float)
    best = nodes[int(np.argmin(((x - lon) * np.cos(np.radians(lat))) ** 2 + (y - lat) ** 2))]
    return best[0], float(best[1] or 0), float(best[2] or 0)


def _add_road(ways: list[Way], values: list[str], number: int) -> list[Way]:
    numbers = list(map(float, values))
    spots = [(numbers[k], numbers[k + 1]) for k in range(0, len(numbers), 2)]
    (first, last) = (_nearest_node(ways, *spot) for spot in (spots[0], spots[-1]))
    middle = [
        (NEW_NODE + 100 * number + k, *spot)
        for k, spot in enumerate(spots)
        if all(GEOD.inv(*spot, *end[1:])[2] > 1 for end in (first, last))
    ]
    return [*ways, (NEW_WAY + number, [first, *middle, last], ROAD)]


def _join_nodes(ways: list[Way], values: list[str], number: int) -> list[Way]:
    a, b = map(int, values)
    spots = {n[0]: n for _, nodes, _ in ways for n in nodes if n[0] in (a, b)}
    return [*ways, (NEW_WAY + number, [spots[a], spots[b]], ROAD)]


def _is_kind(kind: str, tags: Tags) -> bool:
    """Whether a way is a barrier of the kind and nothing else that matters."""
    kinds = {
        "river": is_water_area(tags) or tags.get("waterway") in ("river", "canal"),
        "railway": "railway" in tags,
        "wall": tags.get("barrier") in ("wall", "city_wall"),
    }
    return any(kinds.values()) or tags.get("natural") == "coastline" if kind == "all" else kinds.get(kind, False)


def _ignore_barriers(county: County, kind: str) -> County:
    if kind not in ("river", "railway", "motorway", "wall", "all"):
        raise ValueError("unknown kind of barrier", kind)
    ways: list[Way] = []
    for way, nodes, tags in county.ways:
        if _is_kind(kind, tags) and not routable(tags):
            continue
        # a motorway in a tunnel is no barrier, and is driven like any other
        motorway = kind in ("motorway", "all") and tags.get("highway") in ("motorway", "motorway_link")
        ways.append((way, nodes, {**tags, "tunnel": "yes"} if motorway else tags))
    areas = [] if kind in ("river", "all") else county.areas
    return replace(county, ways=ways, areas=areas)


def _both_ways(ways: list[Way]) -> list[Way]:
    def plain(tags: Tags) -> Tags:
        return {k: v for k, v in tags.items() if not k.startswith("oneway") and k != "junction"} | (
            {"oneway": "no"} if "highway" in tags else {}
        )

    return [(way, nodes, plain(tags)) for way, nodes, tags in ways]


def _row(frame: pd.DataFrame, name: str) -> int:
    rows = np.flatnonzero((frame["id"] == name) | frame["id"].str.endswith(":" + name))
    if len(rows) != 1:
        raise ValueError("not one facility of that id", name, len(rows))
    return int(rows[0])


def edit_facilities(frame: pd.DataFrame, edits: list[tuple[str, list[str]]]) -> pd.DataFrame:
    """Facilities after the edits that concern them."""
    frame = frame.copy()
    for k, (name, values) in enumerate(edits):
        if name == "add_facility":
            lon, lat, word, *owners = values
            frame.loc[len(frame)] = [
                f"new:{k}", f"new {k}", facility_type(word), owner(owners[0]) if owners else "", float(lon), float(lat)
            ]  # fmt: skip
        elif name == "drop_facility":
            frame = frame.drop(index=_row(frame, values[0])).reset_index(drop=True)
        elif name in ("move_facility", "set_type", "set_owner"):
            row = _row(frame, values[0])
            if name == "move_facility":
                frame.loc[row, ["lon", "lat"]] = [float(values[1]), float(values[2])]
            else:
                column, meaning = ("type", facility_type) if name == "set_type" else ("owner", owner)
                frame.loc[row, column] = meaning(values[1])
    return frame


def edit_network(county: County, edits: list[tuple[str, list[str]]]) -> County:
    """A county whose roads and barriers are edited."""
    for k, (name, values) in enumerate(edits):
        if name == "add_road":
            county = replace(county, ways=_add_road(county.ways, values, k))
        elif name == "join_nodes":
            county = replace(county, ways=_join_nodes(county.ways, values, k))
        elif name == "ignore_barriers":
            county = _ignore_barriers(county, values[0])
        elif name == "oneway":
            county = replace(county, ways=_both_ways(county.ways))
    return county


KNOWN = {
    *NETWORK,
    "add_facility",
    "move_facility",
    "drop_facility",
    "set_type",
    "set_owner",
    "ownership",
    "flat",
    "limit",
}


# --- verdicts ---------------------------------------------------------------------------------------------------------


def figures(truth: Truth, criterion: Criterion, unit: int, factors: tuple[float, ...] = FACTORS) -> list[float]:
    """People of a unit not covered at limit x factor; of a presence, all or none (surely, as it lies, possibly)."""
    if criterion.presence:
        persons = truth.persons()[unit]
        return [float(persons * (n[unit] < 1)) for n in np.array(truth.counts(criterion))[[1, 0, 2]]]
    return [float(truth.uncovered(criterion, factor)[unit]) for factor in factors]


class Prover:
    """Asks the edited worlds; a world is built once for each set of road edits."""

    def __init__(self, truth: Truth) -> None:
        self.truth, self.county = truth, truth.county
        self.worlds: dict[str, tuple[County, FastWorld]] = {"": (self.county, truth.traveller.fast)}

    def _world(self, edits: list[tuple[str, list[str]]]) -> tuple[County, FastWorld]:
        network = [edit for edit in edits if edit[0] in NETWORK]
        key = repr(network) if network else ""
        if key not in self.worlds:
            county = edit_network(self.county, network)
            self.worlds[key] = county, FastWorld(county.world())
        return self.worlds[key]

    def ask(self, criterion: Criterion, unit: int, edits: list[tuple[str, list[str]]], *, relief: bool) -> Truth:
        """The truth for one unit after edits."""
        unknown = {name for name, _ in edits} - KNOWN
        if unknown:
            raise ValueError("an edit the oracle does not know", unknown)
        county, fast = self._world(edits)
        county = replace(county, facilities=edit_facilities(county.facilities, edits))
        any_owner = ("ownership", ["any"]) in edits
        return Truth(county, use_relief=relief, any_owner=any_owner, only=[unit], asked=criterion, fast=fast)

    def prove(self, row: pd.Series) -> dict[str, Any]:
        """One row of planted.csv with its figures and whether it is true."""
        units = self.county.units["id"].tolist()
        criterion = next((c for c in self.county.criteria if c.key == row["criterion"]), None)
        if row["cause"] not in CAUSES or row["unit_id"] not in units or criterion is None:
            return {"verified": False, "why": "unknown cause, unit or criterion"}
        unit, edits = units.index(row["unit_id"]), parse(row["counterfactual"])
        persons = float(self.truth.persons()[unit])
        relief = row["cause"] == "slope" or self.truth.use_relief
        before = self.ask(criterion, unit, [], relief=relief) if relief != self.truth.use_relief else self.truth
        had = figures(before, criterion, unit)
        result = {"persons": persons, "applies": bool(self.county.applies(criterion)[unit])}
        result |= dict(zip(FIGURES[:3], had, strict=True))
        short = [bool(_short(persons, v)) for v in had]
        if row["cause"] == "near_miss":
            result |= self._near_miss(criterion, unit, edits, persons, short)
        else:
            level = ("flat", []) in edits
            after = self.ask(criterion, unit, edits, relief=relief and not level)
            has = figures(after, criterion, unit)
            result |= dict(zip(FIGURES[3:], has, strict=True))
            cured = not any(_short(persons, v) for v in has)
            if not edits:
                result |= {"verified": False, "why": "no counterfactual"}
            else:
                why = "" if all(short) else "not short with 10 % to spare"
                why += "" if cured else " the edit does not cover it with 10 % to spare"
                result |= {"verified": all(short) and cured, "why": why.strip()}
        if not result["applies"]:
            result |= {"verified": False, "why": "the criterion does not speak of this unit"}
        return result

    def _near_miss(
        self, criterion: Criterion, unit: int, edits: list[tuple[str, list[str]]], persons: float, short: list[bool]
    ) -> dict[str, Any]:
        changes = [edit for edit in edits if edit[0] != "limit"]
        factor = NEAR if not short[1] else 1 / NEAR
        given = [float(values[0]) for name, values in edits if name == "limit"]
        if given:
            factor = given[0]
        decided = len(set(short)) == 1
        if changes:
            value = figures(self.ask(criterion, unit, changes, relief=self.truth.use_relief), criterion, unit)[1]
        elif criterion.presence:
            value = persons if int(self.truth.counts(criterion)[0][unit]) == 1 else 0.0
        else:
            value = figures(self.truth, criterion, unit, (factor,))[0]
        near = bool(_short(persons, value)) != short[1]
        why = "" if near else f"no other verdict at {factor:g} x the limit"
        why += "" if decided else " undecided within 10 %"
        return {"after": value, "verified": near and decided, "why": why.strip()}


def _short(persons: float, value: float) -> bool:
    return bool(is_short(np.array([persons]), np.array([value]))[0])


def planted_truth(truth: Truth, path: Path) -> pd.DataFrame:
    """Every row of planted.csv with the people not covered before and after, and `verified`."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    prover = Prover(truth)
    proofs = pd.DataFrame([prover.prove(row) for _, row in rows.iterrows()])
    out = rows[["unit_id", "name", "criterion", "cause"]].copy()
    out["needs"] = rows["cause"].map(lambda cause: NEEDS.get(cause, ""))
    for column in ("verified", "persons", *FIGURES, "why"):
        out[column] = proofs.get(column, np.nan if column in FIGURES else "")
    out["verified"] = out["verified"].astype(bool)
    return out.sort_values(["criterion", "unit_id", "cause"], ignore_index=True)

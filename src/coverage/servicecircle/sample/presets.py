"""Kinds of sample counties, read from ``presets.toml``: the measured facts a generated county keeps to."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import Field

from servicecircle.standards.model import Record, Title


class Preset(Record):
    """What a kind of county is like; lengths in km, areas in km2, shares 0-1."""

    id: str
    """Name on the command line."""
    title: Title
    """Short name in both languages."""
    county: str
    """Name of the county that does not exist."""
    lon: float
    """Longitude of the middle, WGS 84 degrees."""
    lat: float
    """Latitude of the middle."""
    area_km2: float
    """Area of the county."""
    width_per_height: float
    """East-west over north-south extent."""
    residents: int
    """Residents (常住人口)."""
    urban_share: float
    """Share of residents in committees."""
    share_0_14: float
    """Share of residents under 15."""
    share_65: float
    """Share of residents of 65 and more."""
    share_women_15_49: float
    """Share of residents who are women of 15 to 49."""
    household: float
    """Persons in a household."""
    registered_per_resident: float
    """Registered (户籍) over resident people."""
    towns: int
    """Towns with villages."""
    streets: int
    """Streets (街道), all of them in the county town."""
    villages: int
    """Village committees."""
    committees: int
    """Residents' committees: one in each town, the rest in the county town."""
    core_km2_per_committee: float
    """Built-up land of a committee of the county town."""
    hill_share: float
    """Share of the county, from the west, that is hills."""
    relief_m: float
    """Height between the lowest and the highest place."""
    dem_arcsec: int
    """Cell of the elevation raster in arc seconds."""
    spanner: float
    """A road is added where the way round is longer than this times the straight line."""
    populated_share: float
    """Share of land cells with people; 0: as few cells as the village sizes need."""
    village_word: str
    """What a village is called."""
    town_word: str
    """What a town is called."""
    clinic_share: float
    """Share of villages with a clinic."""
    station_share: float
    """Share of committees with a community health station."""
    fitness_share: float
    """Share of villages with a fitness ground."""
    standards: tuple[str, ...]
    """What the study judges."""
    siting: str
    """Criterion the study chooses sites for."""
    circle: str
    """Criterion planted places without a usable road are short for."""
    presence: str
    """Criterion villages without a clinic, or with a private one, are short for."""
    road_circle: str = ""
    """Criterion of the village whose nearest clinic lies across the river; empty: none is planted."""
    straight_circle: str = ""
    """Criterion of the village with no clinic far around; empty: none is planted."""
    drive_out: str = ""
    """Criterion of the committee an ambulance reaches only the long way round; empty: none is planted."""
    slope_circle: str = ""
    """Criterion of the village on a steep hill; empty: none is planted."""
    plan: str = ""
    """Plan all of whose rows the study asks for: a place with its own census facts; empty: a kind of county."""
    younger: dict[str, float] = Field(default_factory=dict)
    """Share of residents of further age groups, by the name of their raster: ``0_3``, ``0_6``."""
    without_station: tuple[str, ...] = ()
    """Committees that are the only ones without a community health institution, by the names the plan prints."""
    without_station_street: str = ""
    """Name of the street these committees belong to."""

    @property
    def core_committees(self) -> int:
        """Committees of the county town."""
        return self.committees - self.towns


@cache
def presets() -> dict[str, Preset]:
    """Return the presets by name, in the order of the file; one that is ``like`` another only says what differs."""
    text = files("servicecircle.sample").joinpath("presets.toml").read_text(encoding="utf-8")
    tables: dict[str, dict[str, Any]] = tomllib.loads(text)
    merged = {name: tables.get(values.pop("like", ""), {}) | values for name, values in tables.items()}
    return {name: Preset(id=name, **values) for name, values in merged.items()}


def places() -> dict[str, Preset]:
    """Return the presets that are places: those with a plan of their own."""
    return {name: preset for name, preset in presets().items() if preset.plan}

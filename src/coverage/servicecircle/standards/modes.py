"""Modes of travel, read from ``modes.toml``: speeds, who may use which road, how doors are reached."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import Field

from servicecircle.standards.model import Record, Title

DENIED = ("no", "private", "agricultural", "forestry", "military", "emergency", "use_sidepath", "permit", "residents")


class Mode(Record):
    """One mode of travel; every speed in km/h."""

    id: str
    """Name of the mode in tables and on the command line."""
    title: Title
    """Name in Chinese and English."""
    source: str
    """Where the speeds come from."""
    speed_kmh: float | None = Field(default=None, gt=0)
    """One speed for all ``classes``."""
    classes: tuple[str, ...] = ()
    """Road classes the mode may use at ``speed_kmh``."""
    tagged_classes: tuple[str, ...] = ()
    """Road classes the mode may use only where its access tag says so."""
    class_speed_kmh: dict[str, float] = Field(default_factory=dict)
    """Road classes with a speed of their own."""
    class_kmh: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """Urban and rural speed by road class; 0 means not allowed."""
    maxspeed_factor: float | None = Field(default=None, gt=0)
    """Share of a posted limit that is driven; none: posted limits do not matter."""
    factor: float = Field(default=1.0, gt=0)
    """Factor on every speed of ``class_kmh``."""
    access_kmh: float = Field(gt=0)
    """Speed on the straight piece between a door and the network."""
    near_access_kmh: float = Field(gt=0)
    """Speed on the first ``near_access_m`` metres next to the demand point or the door."""
    near_access_m: float = Field(default=0.0, ge=0)
    """Metres next to the demand point or the door that are walked."""
    straight_walking: bool = False
    """Whether people may walk straight to a door within the access limit."""
    access_tags: tuple[str, ...]
    """Access tags, the first one present decides."""
    denied: tuple[str, ...] = DENIED
    """Values of the access tags that refuse the mode."""
    oneway_tag: str
    """Tag that makes a road one-way for this mode."""
    implied_oneway: bool = False
    """Whether roundabouts and motorways are one-way without a tag."""
    motorroad: bool = True
    """Whether the mode may use ways tagged ``motorroad=yes``."""
    door_s: float = Field(default=0.0, ge=0)
    """Seconds added to every trip (stairs, lift, parking)."""
    junction_s: float = Field(default=0.0, ge=0)
    """Seconds added at every junction of three or more roads that is passed."""

    @property
    def reference_kmh(self) -> float:
        """One speed that stands for the mode: its own, or the rural speed on tertiary roads."""
        return self.speed_kmh if self.speed_kmh is not None else self.class_kmh["tertiary"][1] * self.factor

    def at_speeds(self, *, road: float = 1.0, access: float = 1.0) -> Mode:
        """Return the mode with its speeds on roads and on access legs times factors; its seconds stay."""

        def times(kmh: float, factor: float) -> float:
            return round(kmh * factor, 9)  # 4.14, not 4.1399999999999997

        return self.changed(
            speed_kmh=None if self.speed_kmh is None else times(self.speed_kmh, road),
            class_speed_kmh={name: times(kmh, road) for name, kmh in self.class_speed_kmh.items()},
            factor=times(self.factor, road),
            access_kmh=times(self.access_kmh, access),
            near_access_kmh=times(self.near_access_kmh, access),
        )

    def changed(self, **values: object) -> Mode:
        """Return a validated copy with other values."""
        return Mode.model_validate(self.model_dump() | values)


@cache
def standard_modes() -> dict[str, Mode]:
    """Return the shipped modes by id."""
    content = files("servicecircle.standards").joinpath("modes.toml").read_text(encoding="utf-8")
    return {key: Mode(id=key, **values) for key, values in tomllib.loads(content).items()}

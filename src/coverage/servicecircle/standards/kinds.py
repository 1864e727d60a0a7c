"""The kinds of requirement that are not measured at people's homes: ratios, shares, fleets, networks, reported values.

A record's ``kind`` decides which of these it is; each refuses the keys of the others.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from servicecircle.standards.model import (
    AreaClass,
    Basis,
    Covering,
    Level,
    Need,
    OfFacilities,
    Record,
    Standard,
    Title,
    UnitWord,
)


class Bounded(Standard):
    """A requirement on one number: a floor, a ceiling, or a band between both; without them no target is printed."""

    at_least: float | None = Field(default=None, ge=0)
    """Floor: a value equal to it holds."""
    at_most: float | None = Field(default=None, ge=0)
    """Ceiling: a value equal to it holds; with ``at_least`` a band."""
    reference: str = ""
    """Outside figure the plan points to instead of a number (``全国平均水平``); no verdict without a number."""

    @model_validator(mode="after")
    def _band(self) -> Bounded:
        if self.at_least is not None and self.at_most is not None and self.at_least >= self.at_most:
            bounds = {"low": self.at_least, "high": self.at_most}
            raise PydanticCustomError("band", "the band is upside down: {low} is not below {high}", bounds)
        return self


class Ratio(Bounded):
    """Something per so many people: beds per 1,000, doctors per 10,000."""

    kind: Literal["ratio"]
    """``ratio``."""
    asset: str
    """What is counted, as a code of the vocabulary (``beds``); ``facilities`` counts the facilities themselves."""
    per_people: int | None = Field(default=None, ge=1)
    """People the ratio is given for: 1000, 10000."""
    per_asset: str = ""
    """Instead of people: the asset it is divided by (nurses per doctor)."""
    basis: Basis | None = None
    """People the plan divides by: ``resident`` (常住), ``registered`` (户籍) or ``planning``; left out where the plan
    names none: the result is then given for every basis the study knows."""
    planning_persons: float | None = Field(default=None, gt=0)
    """Planning population the plan prints (basis ``planning``)."""
    types: tuple[str, ...] = ()
    """Facility types whose assets count; empty means all."""
    ownership: tuple[str, ...] = ()
    """Ownership values that count; empty means any."""
    needs: tuple[Need, ...] = ()
    """What a facility must have to count."""

    @model_validator(mode="after")
    def _one_divisor(self) -> Ratio:
        if (self.per_people is None) == (not self.per_asset):
            raise PydanticCustomError("one_divisor", "a ratio has exactly one of per_people and per_asset")
        if (self.basis == "planning") != (self.planning_persons is not None):
            raise PydanticCustomError("planning", "basis planning and planning_persons belong together")
        if self.asset == "facilities" and not self.types:
            raise PydanticCustomError("ratio_types", "a ratio of facilities names their types")
        return self


class Targeted(OfFacilities):
    """A requirement on how many of some facilities; share or number, not both; without them no target is printed."""

    target_share: float | None = Field(default=None, gt=0, le=1)
    """Share of the facilities that must; rounded up to whole facilities."""
    target_count: int | None = Field(default=None, ge=1)
    """Number of facilities that must."""

    @model_validator(mode="after")
    def _one_target(self) -> Targeted:
        if self.target_share is not None and self.target_count is not None:
            raise PydanticCustomError("two_targets", "give target_share or target_count, not both")
        return self


class FacilityShare(Targeted):
    """So many of the facilities have something: 80 % of the village clinics offer Chinese medicine."""

    kind: Literal["share"]
    """``share``."""
    must: tuple[Need, ...] = Field(min_length=1)
    """What a facility must have, all of it."""


class Portion(Bounded):
    """A part of an asset: nursing beds of all beds, negative-pressure vehicles of all vehicles (0-1)."""

    kind: Literal["portion"]
    """``portion``."""
    assets: tuple[str, ...] = Field(min_length=1)
    """The part; several are added up."""
    of: str
    """The whole."""
    each: bool = False
    """Whether every facility must meet it by itself; else all are added up."""
    types: tuple[str, ...] = ()
    """Facility types that count; empty means all."""
    ownership: tuple[str, ...] = ()
    """Ownership values that count; empty means any."""
    part_ownership: tuple[str, ...] = ()
    """Ownership values the part is limited to (private beds of all beds)."""
    needs: tuple[Need, ...] = ()
    """What a facility must have to count."""


class UnitFloor(Bounded):
    """A value every unit must reach by itself: the mean of the county does not help a unit below."""

    kind: Literal["unit_floor"]
    """``unit_floor``."""
    asset: str = ""
    """Asset of the units, or summed over their facilities; empty: the value reported under the record's id."""
    per: Level = "township"
    """Level of the units."""
    unit_kinds: tuple[UnitWord, ...] = ()
    """Kinds of unit it applies to; empty means all."""
    types: tuple[str, ...] = ()
    """Facility types whose assets count; empty means all."""


class UnitShare(Standard):
    """So many of the units have something: 70 % of the towns are national health towns."""

    kind: Literal["unit_share"]
    """``unit_share``."""
    must: tuple[Need, ...] = Field(min_length=1)
    """What a unit must have, all of it."""
    per: Level = "township"
    """Level of the units."""
    unit_kinds: tuple[UnitWord, ...] = ()
    """Kinds of unit it applies to; empty means all."""
    target_share: float | None = Field(default=None, gt=0, le=1)
    """Share of the units that must; rounded up to whole units."""


class Fleet(Standard):
    """Vehicles for so many people, a share of them of one kind, or a cap."""

    kind: Literal["fleet"]
    """``fleet``."""
    asset: str = "ambulances"
    """Vehicles that are counted."""
    persons_per_vehicle: float | None = Field(default=None, gt=0)
    """One vehicle for so many people, rounded up."""
    multiplier: float = Field(default=1.0, gt=0)
    """Factor on the people before the division (a county may count 300 %)."""
    share: float | None = Field(default=None, gt=0, le=1)
    """Share of the fleet ``asset`` must have, rounded up to whole vehicles: of the fleet there is, and of the fleet
    ``persons_per_vehicle`` asks for."""
    share_of: str = "ambulances"
    """The whole fleet, where ``share`` is given."""
    cap: bool = False
    """Whether the fleet must not be larger than ``most``."""
    most: int | None = Field(default=None, ge=0)
    """Largest fleet; unknown where the plan only speaks of a national number."""
    basis: Basis | None = None
    """People that count; left out where the plan does not say."""

    @model_validator(mode="after")
    def _one_rule(self) -> Fleet:
        if self.most is not None and not self.cap:
            raise PydanticCustomError("fleet_most", "most is the number of a cap")
        if not self.cap and self.persons_per_vehicle is None and self.share is None:
            raise PydanticCustomError("fleet_rule", "a fleet needs persons_per_vehicle, share or cap")
        return self


class Exclusion(OfFacilities):
    """Nothing of some types within a distance of others: no such place within 200 m of a school.

    ``types`` are the facilities that must keep away; ``around`` those they keep away from.
    """

    kind: Literal["exclusion"]
    """``exclusion``."""
    around: tuple[str, ...] = Field(min_length=1)
    """Facility types with a zone around them."""
    limit_km: float = Field(ge=0.001, le=1000)
    """Radius of the zone in kilometres, from the border or gate-free outline of an area; the limit is inside."""
    area_class: AreaClass | None = None
    """Only zones in units of this class."""


class Colocation(Targeted):
    """Facilities that stand together with others: clinics with a day-care centre."""

    kind: Literal["colocation"]
    """``colocation``."""
    partners: tuple[str, ...] = Field(min_length=1)
    """Facility types one of which must be near."""
    limit_m: float = Field(gt=0, le=100_000)
    """How near, straight, in metres; the limit holds."""


class Nearest(Standard):
    """How far people are from each of several services; a service no input holds is shown as none."""

    kind: Literal["nearest"]
    """``nearest``."""
    services: tuple[str, ...] = Field(min_length=1)
    """Facility types, each measured by itself."""
    mode: str = "drive"
    """How people travel."""
    bands_min: tuple[float, ...] = (30.0, 60.0)
    """Minutes within which people are counted, ascending."""
    group: str = ""
    """Group of people that counts; empty means everybody."""


class Inventory(Standard):
    """How many facilities of each type there are: what the plan lists without a number, or with a baseline."""

    kind: Literal["inventory"]
    """``inventory``."""
    types: tuple[str, ...] = Field(min_length=1)
    """Facility types, counted one by one."""
    needs: tuple[Need, ...] = ()
    """What a facility must have to count."""


class Tier(Record):
    """One level of a network."""

    per: Level
    """Units of this level ..."""
    types: tuple[str, ...] = Field(min_length=1)
    """... need a facility of these types."""
    unit_kinds: tuple[UnitWord, ...] = ()
    """Kinds of unit it applies to; empty means all."""


class Tiers(Standard):
    """A network of several levels: a facility in each unit of each level, and who refers to whom."""

    kind: Literal["tiers"]
    """``tiers``."""
    tiers: tuple[Tier, ...] = Field(min_length=1)
    """The levels, from the top."""
    links: bool = False
    """Whether every facility below the top must name one of the level above that it refers patients to."""


class Parity(Standard):
    """Supply shared between town and country as people are: share of the supply over share of the people."""

    kind: Literal["parity"]
    """``parity``."""
    asset: str
    """What is shared; ``facilities`` counts the facilities themselves."""
    types: tuple[str, ...] = ()
    """Facility types that count; empty means all."""
    tolerance: float | None = Field(default=None, ge=0)
    """Largest distance from 1 that holds; left out where the plan prints none."""


class CrossBoundary(Standard):
    """What facilities outside the area add to another requirement."""

    kind: Literal["cross_boundary"]
    """``cross_boundary``."""
    of: str
    """Circle or radius that is measured with and without them."""


class Composite(Standard):
    """Several requirements taken together: all of them, or so many."""

    kind: Literal["composite"]
    """``composite``."""
    of: tuple[str, ...] = Field(min_length=2)
    """Records that are taken together."""
    need: int | None = Field(default=None, ge=1)
    """How many must be met; left out: all."""


class SitingDecision(Standard):
    """A decision where something is built, moved or closed: an answer of ``[siting]``, not of a measurement."""

    kind: Literal["siting"]
    """``siting``."""
    types: tuple[str, ...] = ()
    """Facility types it is about."""
    count: int | None = Field(default=None, ge=1)
    """Number of sites the plan prints; the smaller one of a range."""
    count_most: int | None = Field(default=None, ge=1)
    """Larger number of a range."""

    @model_validator(mode="after")
    def _band(self) -> SitingDecision:
        if self.count is not None and self.count_most is not None and self.count >= self.count_most:
            bounds = {"low": self.count, "high": self.count_most}
            raise PydanticCustomError("band", "the band is upside down: {low} is not below {high}", bounds)
        return self


class Reported(Bounded):
    """A rate or number that cannot be had from locations: the study reports it, and it is compared."""

    kind: Literal["reported"]
    """``reported``."""
    unit: Literal["percent", "count", "ratio", "months"] = "percent"
    """Unit of the value."""


class Context(Standard):
    """A statement with nothing to measure: kept so that nobody believes it is covered."""

    kind: Literal["context"]
    """``context``."""
    reason: Title
    """Why it cannot be computed from locations."""


AnyStandard = Annotated[
    Covering
    | Ratio
    | FacilityShare
    | Portion
    | UnitFloor
    | UnitShare
    | Fleet
    | Exclusion
    | Colocation
    | Nearest
    | Inventory
    | Tiers
    | Parity
    | CrossBoundary
    | Composite
    | SitingDecision
    | Reported
    | Context,
    Field(discriminator="kind"),
]

#: Reads one record of any kind.
STANDARD: TypeAdapter[Standard] = TypeAdapter(AnyStandard)

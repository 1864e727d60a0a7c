"""What a study file may say: one frozen tree of tables; unknown keys are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from servicecircle.standards.kinds import AnyStandard
from servicecircle.standards.model import AreaClass
from servicecircle.study.base import File, Section, Source, one_or_more, path_as_source
from servicecircle.study.people import Population
from servicecircle.study.ranges import Ranges

CorrectionFiles = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(one_or_more)]


class StudyHead(Section):
    """What the study is called."""

    name: str = Field(min_length=1)
    """Name of the study, in every title."""
    note: str = ""
    """A sentence printed with the results, e.g. an approximation made in the data."""
    corrections: CorrectionFiles = ()
    """Tables of corrections applied at reading, a path or a list of paths: ``"corrections.csv"``. Columns ``source``,
    ``id``, ``field``, ``old``, ``new``, ``reason``, ``by`` (``docs/formats.md``); the files corrected stay as they
    are."""
    strict: Literal["none", "set_aside", "all"] = "none"
    """What stops a run beside what always does: ``none``; ``set_aside``, any row or value that was not used, but for
    what the study or a correction leaves out; ``all``, also notices of data that may be wrong (``docs/formats.md``)."""


class UnitPolygons(Source):
    """Unit boundaries."""

    id: str = "id"
    """Column of the identifier."""
    name: str = "name"
    """Column of the name."""
    parent: str | None = None
    """Column of the town the unit belongs to."""
    area_class: str | None = None
    """Column of ``urban``/``rural`` or the 3-digit urban-rural code."""


class UnitPoints(UnitPolygons):
    """Units known as points: a village table."""

    lon: str | None = None
    """Column of the longitude (tables)."""
    lat: str | None = None
    """Column of the latitude (tables)."""


class Area(Section):
    """What gaps are named for: polygons, or points, or - with neither - the named places of the road file."""

    units: UnitPolygons | None = None
    """Unit boundaries (polygons)."""
    points: UnitPoints | None = None
    """Units as points."""
    default_class: AreaClass = "rural"
    """Class of a unit that no input classifies; ``rural`` unless the study says otherwise."""
    margin_km: float = Field(default=20.0, ge=0, le=300)
    """Roads and facilities are kept this far beyond the people's extent."""
    repair_up_to: float = Field(default=0.001, ge=0, le=1)
    """An invalid border is repaired where that changes the unit's area by at most this share; else it is refused."""
    cross_boundary: bool = True
    """Whether facilities outside the units serve people inside."""

    @model_validator(mode="after")
    def _one_basis(self) -> Area:
        if self.units is not None and self.points is not None:
            raise PydanticCustomError("two_bases", "units and points are two answers to one question")
        return self


RoadSource = Annotated[File, BeforeValidator(path_as_source)]
BarrierSource = Annotated[Source, BeforeValidator(path_as_source)]
GateSource = Annotated[Source, BeforeValidator(path_as_source)]


class RoadLines(Source):
    """A layer of road lines, as a road or survey bureau keeps it."""

    road_class: str | None = Field(default=None, alias="class", min_length=1)
    """Column of the road class: OpenStreetMap's words, or Chinese ones (``国道``, ``县道``, ``主干路`` ...)."""
    classes: dict[str, str] = Field(default_factory=dict)
    """Classes of this layer's own words: ``{ "等外路" = "track" }``; ``none`` for lines that are no roads."""
    default_class: str | None = None
    """Class of the lines whose class is empty or unknown, or of all lines where no column is named."""
    name: str | None = None
    """Column of the road's name."""
    oneway: str | None = None
    """Column of one-way traffic, in the drawn direction: ``是/否``, ``yes/no``, ``1/0/-1``, ``F/T/B``; without it
    every road is two-way."""
    maxspeed: str | None = None
    """Column of the posted speed limit in km/h; 0 and empty mean none."""
    bridge: str | None = None
    """Column that marks bridges: ``是``, ``yes``, ``1``, ``桥`` ..."""
    tunnel: str | None = None
    """Column that marks tunnels; may be the same column, with words such as ``桥`` and ``隧道``."""
    join_m: float = Field(default=0.5, ge=0, le=20)
    """A line's end at most this far from another line is joined to it."""
    crossings: Literal["separate", "joined"] = "separate"
    """Whether lines that cross without a common vertex are joined; bridges, tunnels and motorways never are."""

    @model_validator(mode="after")
    def _some_class(self) -> RoadLines:
        if self.road_class is None and self.default_class is None:
            raise PydanticCustomError("no_road_class", "give class (a column) or default_class")
        return self


class RoadDownload(Section):
    """Roads, water, railways and named places of the study's box, downloaded once from an Overpass server."""

    source: str = "OpenStreetMap contributors"
    """Who made the data (printed on the map)."""
    licence: str = "ODbL 1.0"
    """Licence of the data (printed on the map)."""
    url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """Overpass server, e.g. ``https://overpass.example.org/api``; osmnx's default server when left out."""
    timeout_s: int | None = Field(default=None, ge=1, le=3600)
    """Seconds the server may take; osmnx's default (180) when left out."""


class Roads(Section):
    """The road network: exactly one of osm, graphml, lines and download."""

    osm: RoadSource | None = None
    """OpenStreetMap extract: .osm.pbf, .osm or .osm.bz2."""
    graphml: RoadSource | None = None
    """Road graph saved by osmnx: .graphml."""
    lines: RoadLines | None = None
    """Layer of road lines."""
    download: RoadDownload | None = None
    """OpenStreetMap data downloaded for the study's box and kept in ``.servicecircle-cache`` beside the study file."""

    @model_validator(mode="after")
    def _one_source(self) -> Roads:
        if sum(given is not None for given in (self.osm, self.graphml, self.lines, self.download)) != 1:
            raise PydanticCustomError("one_road_source", "give exactly one of osm, graphml, lines and download")
        return self

    @property
    def file(self) -> File | None:
        """The file the study names; None where roads are downloaded."""
        return self.osm or self.graphml or self.lines


class Barriers(Section):
    """Lines nobody walks across, beside those of the road file."""

    lines: BarrierSource | None = None
    """Vector file of further barrier lines or areas."""


class ModeChange(Section):
    """Values of one mode that the study changes."""

    speed_kmh: float | None = Field(default=None, ge=0.1, le=300)
    """One speed for all road classes of a walking or cycling mode."""
    access_kmh: float | None = Field(default=None, ge=0.1, le=300)
    """Speed on the access leg."""
    factor: float | None = Field(default=None, ge=0.1, le=10)
    """Factor on every speed of a driving mode's class table."""
    door_s: float | None = Field(default=None, ge=0, le=86_400)
    """Seconds added to every trip (stairs, lift, parking)."""
    junction_s: float | None = Field(default=None, ge=0, le=3600)
    """Seconds added at every junction passed."""


class Travel(Section):
    """How people get there."""

    access_limit_m: float = Field(default=1000.0, gt=0, le=5000)
    """Longest straight piece between a door and a road, and longest straight walk."""
    component_share: float = Field(default=0.01, ge=0, le=1)
    """A disconnected piece shorter than this share of the mode's roads is not attached to ..."""
    component_km: float = Field(default=5.0, ge=0, le=10_000)
    """... unless it is at least this long."""
    modes: dict[str, ModeChange] = Field(default_factory=dict)
    """Changes to the shipped modes, by mode."""


class FacilityColumns(Section):
    """Columns of a facility table; Chinese and English names are recognised when left out."""

    id: str | None = None
    """Identifier."""
    name: str | None = None
    """Name."""
    type: str | None = None
    """Type, in the words of the vocabulary; by the name too where it is the category of a Chinese map service."""
    lon: str | None = None
    """Longitude."""
    lat: str | None = None
    """Latitude."""
    ownership: str | None = None
    """Ownership."""
    beds: str | None = None
    """Beds; ``床位数`` is recognised."""
    open_beds: str | None = None
    """Beds in use."""
    authorised_beds: str | None = None
    """Beds the facility is authorised to have."""
    staff: str | None = None
    """Health technical staff (asset ``health_staff``)."""
    doctors: str | None = None
    """Licensed (assistant) doctors; ``执业医师数`` is recognised."""
    gps: str | None = None
    """General practitioners."""
    nurses: str | None = None
    """Registered nurses; ``注册护士数`` is recognised."""
    public_health_staff: str | None = None
    """Public health staff."""
    public_health_physicians: str | None = None
    """Public health physicians."""
    vehicles: str | None = None
    """Ambulances (asset ``ambulances``); ``救护车数`` is recognised."""
    negative_pressure_ambulances: str | None = None
    """Negative-pressure ambulances."""
    childcare_places: str | None = None
    """Childcare places (托位)."""
    tcm_methods: str | None = None
    """Methods of Chinese or Mongolian medicine offered."""
    tcm_classes: str | None = None
    """Classes of services of Chinese or Mongolian medicine offered."""
    supervision_staff: str | None = None
    """Health supervision staff."""
    posts: str | None = None
    """Established professional posts (编制)."""
    attributes: dict[str, str] = Field(default_factory=dict)
    """What else a facility is or has, and its column: ``{ grade = "等级", has_tcm_hall = "中医馆" }``; codes and words
    of the vocabulary. An empty cell is unknown, never no."""
    serves: str | None = None
    """Villages a facility also serves (joint clinics), by code or name, several with ``、`` or ``;`` between them."""
    refers_to: str | None = None
    """Facility patients are referred to, by identifier or name."""


class FacilityFile(Source):
    """One file of facilities."""

    columns: FacilityColumns = FacilityColumns()
    """Columns of a table."""
    type: str | None = None
    """One type for every row."""
    types: dict[str, str] = Field(default_factory=dict)
    """Types of this file's own words: ``{ clinic = "village_clinic" }``."""
    where: dict[str, str] = Field(default_factory=dict)
    """Rows that count: ``{ healthcare = "> 0" }``; operators ``> >= < <= = !=``."""
    gates: GateSource | None = None
    """Points where the areas of this file are entered: ``"gates.geojson"``, ``{ path = "gates.csv", crs = "GCJ-02" }``.

    A gate belongs to the area with the nearest border, at most 20 m away. Without this key the gates and entrances of
    the road file on the border count; an area without gates is entered where walkable roads meet its border, else
    anywhere (every 100 m)."""


class AssetFile(File):
    """One file of what facilities, units or the area have: staff, beds, vehicles, places, reported values.

    Either a column for each asset (``columns``, ``reported``), or a row for each value (``asset`` and ``value``).
    """

    layer: str | None = None
    """Layer of a vector file or sheet of a workbook; the first one when left out."""
    of: Literal["facility", "unit", "town", "area"]
    """Whose values they are: a ``facility``'s, a ``unit``'s (village, community), a ``town``'s (the units' parent) or
    the whole ``area``'s."""
    id: str | None = None
    """Column of the identifier of the facility or unit; recognised when left out."""
    name: str | None = None
    """Column of its name, used where the identifier finds nothing; recognised when left out."""
    parent: str | None = None
    """Column of the town a unit belongs to, to tell villages of one name apart; recognised when left out."""
    year: int | None = Field(default=None, ge=1900, le=2200)
    """Year of the values; a column ``年份`` or ``year`` is recognised when left out."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Asset (code or word of the vocabulary) and its column: ``{ doctors = "执业医师", beds = "床位数" }``."""
    reported: dict[str, str] = Field(default_factory=dict)
    """Standard and the column of its reported value: ``{ "shanting/S15" = "满意度" }``."""
    asset: str | None = None
    """Column of the asset's word or the standard's id, where each row is one value."""
    value: str | None = None
    """Column of the value, where each row is one value."""
    where: dict[str, str] = Field(default_factory=dict)
    """Rows that count: ``{ 县 = "= 山亭区" }``; operators ``> >= < <= = !=``."""

    @model_validator(mode="after")
    def _one_form(self) -> AssetFile:
        wide, long = bool(self.columns or self.reported), (self.asset is not None, self.value is not None)
        if wide == any(long) or any(long) != all(long):
            raise PydanticCustomError("asset_form", "give columns or reported, or both asset and value")
        return self


class StandardsSection(Section):
    """Which requirements are judged."""

    use: tuple[str, ...] = ()
    """Plans, groups or single records of the catalogue: ``shanting``, ``national``, ``shanting/S01``."""
    define: tuple[AnyStandard, ...] = ()
    """The study's own records."""
    target_share: float = Field(default=1.0, gt=0, le=1)
    """Share of people assumed as target where a plan prints none."""


class Gap(Section):
    """When a unit is short (design section 7)."""

    min_persons: float = Field(default=30.0, ge=0)
    """A unit is short with at least this many people uncovered and ..."""
    min_share: float = Field(default=0.05, ge=0, le=1)
    """... at least this share of its people; or ..."""
    half_share: float = Field(default=0.5, ge=0, le=1)
    """... with at least this share uncovered and ..."""
    half_persons: float = Field(default=5.0, ge=0)
    """... at least this many people."""
    patch_persons: float = Field(default=50.0, ge=0)
    """Smallest patch of uncovered people that is listed."""


class Siting(Section):
    """Where new sites should go."""

    standard: str
    """Criterion to improve, ``ID`` or ``ID/MODE``."""
    choose: int = Field(ge=1, le=50)
    """Number of sites."""
    candidates: tuple[Literal["units", "facilities"], ...] = Field(default=("units", "facilities"), min_length=1)
    """Candidate sites: unit points and existing facilities of other types that could be upgraded."""
    upgrade: tuple[str, ...] = ()
    """Types of existing facilities that could be upgraded; empty means any other type."""


class Outputs(Section):
    """How results are written."""

    language: Literal["zh", "en"] = "zh"
    """Language of maps, lists and messages."""
    map_note: str | None = None
    """Line printed on every map; default: a note that borders are drawings."""
    review_number: str | None = None
    """Map review number (审图号), printed when given."""


class Study(Section):
    """One study: what is asked, of which data."""

    study: StudyHead
    """What the study is called."""
    area: Area = Area()
    """What gaps are named for."""
    population: Population
    """Where people live."""
    roads: Roads
    """The road network."""
    barriers: Barriers = Barriers()
    """Lines nobody walks across."""
    travel: Travel = Travel()
    """How people get there."""
    facilities: tuple[FacilityFile, ...] = Field(min_length=1)
    """Files of facilities."""
    assets: tuple[AssetFile, ...] = ()
    """Files of staff, beds, vehicles and reported values."""
    standards: StandardsSection
    """Which requirements are judged."""
    gap: Gap = Gap()
    """When a unit is short."""
    siting: Siting | None = None
    """Where new sites should go."""
    ranges: Ranges = Ranges()
    """How far each figure depends on what no plan prints."""
    outputs: Outputs = Outputs()
    """How results are written."""

    _path: Path = PrivateAttr(default=Path("study.toml"))

    @property
    def path(self) -> Path:
        """The study file."""
        return self._path

    def locate(self, path: str) -> Path:
        """Return a path of the study file, relative to its folder."""
        return (self._path.parent / path).absolute()

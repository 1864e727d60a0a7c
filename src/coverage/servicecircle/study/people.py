"""Where people live: the table ``[population]`` of the study file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from servicecircle.study.base import Crs, File, Section, Source, path_as_source


class PersonPoints(Source):
    """People at points."""

    persons: str = "persons"
    """Column of the number of people."""
    id: str | None = None
    """Column of the identifier; rows equal to a unit's id belong to that unit."""
    lon: str | None = None
    """Column of the longitude (tables)."""
    lat: str | None = None
    """Column of the latitude (tables)."""


class Raster(File):
    """A raster file."""

    crs: Crs | None = None
    """Coordinate system, where the file does not say."""


class RowColumns(File):
    """A table whose rows join to units by code, else by name within the town; it needs no coordinates."""

    layer: str | None = None
    """Sheet of a workbook or layer of a vector file; the first one when left out."""
    id: str | None = None
    """Column of the code; rows equal to a unit's id belong to that unit, whatever their names."""
    name: str | None = None
    """Column of the name (``行政村``, ``村名``, ``乡镇`` ... are recognised)."""
    parent: str | None = None
    """Column of the town a village belongs to (``乡镇``, ``所属乡镇`` ... are recognised)."""


class PersonTable(RowColumns):
    """A village table: people by name or code."""

    persons: str | None = None
    """Column of the number of people (``常住人口``, ``人口`` ... are recognised)."""


class Calibration(RowColumns):
    """People counted by a census, to which the raster or the points are scaled."""

    unit: Literal["town", "village"]
    """What a row of the census is: a town (the column ``parent`` of the units) or a unit itself."""
    column: str | None = None
    """Column of the number of people (``常住人口``, ``人口`` ... are recognised)."""

    @model_validator(mode="after")
    def _towns_have_no_town(self) -> Calibration:
        if self.unit == "town" and self.parent is not None:
            raise PydanticCustomError("town_parent", "a census of towns has no column of the town")
        return self


#: A text that is not empty.
Word = Annotated[str, Field(min_length=1)]
_WORD: TypeAdapter[str] = TypeAdapter(Word)


def _word_or_raster(value: Any) -> Any:
    """Decide which of the two a value is before it is checked: a mistake is told once, of the form that was meant."""
    return _WORD.validate_python(value) if isinstance(value, str) else Raster.model_validate(value)


GroupSource = Annotated[Raster | str, BeforeValidator(_word_or_raster)]
RasterSource = Annotated[Raster, BeforeValidator(path_as_source)]
TableSource = Annotated[PersonTable, BeforeValidator(path_as_source)]


class Population(Section):
    """Where people live: exactly one of raster, points and table; or a raster that a table calibrates per unit."""

    raster: RasterSource | None = None
    """GeoTIFF of persons per cell."""
    points: PersonPoints | None = None
    """Table or layer of points with persons."""
    table: TableSource | None = None
    """Village table without coordinates; with a raster it says how many people each unit has."""
    compare: RasterSource | None = None
    """The same people by another maker, persons per cell: what the figures would be with it (``ranges.csv``)."""
    calibrate: Calibration | None = None
    """Census that the raster or the points are scaled to: calibrated = raw x factor, per town or unit."""
    groups: dict[Word, GroupSource] = Field(default_factory=dict)
    """Groups of people that standards with a ``group`` count, by name. Beside a raster: a raster of the group's people
    per cell on the same grid, a file or a table ``{ path = ..., source = ..., licence = ... }``. With points or a table
    alone: the column of the group's people. A census scales a group by the factors of everybody."""

    @model_validator(mode="after")
    def _one_of(self) -> Population:
        given = [self.raster is not None, self.points is not None, self.table is not None]
        if given not in ([True, False, False], [False, True, False], [False, False, True], [True, False, True]):
            raise PydanticCustomError("one_population", "exactly one of raster, points and table, or raster and table")
        if self.compare is not None and self.raster is None:
            raise PydanticCustomError("compare_raster", "compare is another raster beside the population raster")
        if self.calibrate is not None and self.table is not None:
            raise PydanticCustomError("two_counts", "table and calibrate both say how many people a unit has")
        if self.raster is None and any(isinstance(source, Raster) for source in self.groups.values()):
            raise PydanticCustomError("group_column", "with points or a table alone a group is the name of a column")
        return self

    @property
    def counts(self) -> PersonTable | Calibration | None:
        """The rows that say how many people a town or unit has, if any."""
        return self.table or self.calibrate

    @property
    def group_rasters(self) -> dict[str, Raster]:
        """Rasters of the groups by name; empty without a population raster."""
        if self.raster is None:
            return {}
        return {name: Raster(path=one) if isinstance(one, str) else one for name, one in self.groups.items()}

    @property
    def group_columns(self) -> dict[str, str]:
        """Columns of the groups by name; empty with a population raster."""
        return {} if self.raster is not None else {k: one for k, one in self.groups.items() if isinstance(one, str)}

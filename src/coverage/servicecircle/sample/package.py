"""Write a sample county: every file, each marked as synthetic, into one folder."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy import ndimage

from servicecircle.errors import StudyError, problem
from servicecircle.sample import files, place
from servicecircle.sample.dirty import dirty_workbook
from servicecircle.sample.land import stream
from servicecircle.sample.osmfile import write_osm
from servicecircle.sample.planted_list import planted_rows
from servicecircle.sample.relief import VOID
from servicecircle.sample.study_text import more_tree, study_text, study_tree
from servicecircle.sample.venues import venue_layers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from servicecircle.sample.county import County
    from servicecircle.sample.osmfile import OsmFile

#: Deviation of a settlement's share of an age group from the county's.
GROUP_SPREAD = 0.12
GROUPS = {"65plus": "share_65", "0_14": "share_0_14", "women_15_49": "share_women_15_49"}
#: Smoothing of the unconstrained raster, in cells, and the share of people it puts everywhere.
BLUR, EVERYWHERE = 6.0, 0.15


def write_inputs(county: County, folder: Path, persons: NDArray[np.float64]) -> OsmFile:
    """Write the files the study names; return the road file's nodes."""
    land, places = county.land, county.places
    file = write_osm(
        folder / "roads.osm.pbf",
        land,
        places,
        list(county.roads),
        list(county.beside),
        list(county.crossings),
        county.seed,
    )
    grid = county.cells.grid
    files.write_persons(folder / "population.tif", grid, county.cells.index, persons, "persons per cell")
    files.write_units(folder / "units.gpkg", land, places, county.units)
    table = files.facility_table(land, places, county.facilities)
    if land.preset.plan:
        table["转诊至"] = place.refers_to(county)
    files.write_workbook(folder / "facilities.xlsx", files.sheets_of(table))
    return file


def require_free(folder: Path, texts: Mapping[str, str] | None = None) -> None:
    """Refuse a folder that holds anything, and make the folder it will stand in.

    Parameters
    ----------
    texts : mapping of str to str, optional
        Files the folder may hold already, since they would be written with the same text.

    Raises
    ------
    StudyError
        Nothing of anybody's is overwritten.
    """
    own = {} if texts is None else texts
    if folder.exists() and not (folder.is_dir() and all(_is_own(path, own) for path in folder.iterdir())):
        raise StudyError(problem("sample.not_empty", folder=str(folder)))
    # half a minute of work must not end at a place that cannot be written
    folder.parent.mkdir(parents=True, exist_ok=True)


def _is_own(path: Path, texts: Mapping[str, str]) -> bool:
    wanted = texts.get(path.name)
    return wanted is not None and path.is_file() and path.read_bytes() == wanted.encode()


def write_county(county: County, folder: Path) -> list[str]:
    """Write every file of a county and return their names.

    Raises
    ------
    StudyError
        The folder holds anything: nothing of anybody's is overwritten.
    """
    preset = county.land.preset
    require_free(folder, place.own_texts(preset, county.seed))
    with tempfile.TemporaryDirectory(prefix=".servicecircle-", dir=folder.parent) as name:
        new = Path(name) / "new"
        new.mkdir()
        file = write_inputs(county, new, county.persons)
        _write_people(county, new)
        if preset.plan:
            _write_place(county, new)
        else:
            height = county.height
            files.write_elevation(new / "dem.tif", height.grid, height.values, VOID)
            _write_tables(county, new, file)
            _write_texts(county, new)
        if folder.exists():
            # it holds nothing but texts equal to the new ones
            for text in place.own_texts(preset, county.seed):
                (folder / text).unlink(missing_ok=True)
            folder.rmdir()
        shutil.move(str(new), folder)
    return sorted(path.name for path in folder.iterdir())


def group_shares(county: County) -> dict[str, NDArray[np.float64]]:
    """Return the share of each age group in every settlement; weighted by people they are the preset's shares."""
    rng = stream(county.seed, "groups")
    result = {}
    preset = county.land.preset
    groups = {name: float(getattr(preset, key)) for name, key in GROUPS.items()} | preset.younger
    for name, whole in groups.items():
        share = whole * np.exp(rng.normal(0, GROUP_SPREAD, county.places.count))
        people = county.residents
        wanted = whole * people.sum()
        result[name] = share * wanted / float((share * people).sum())
    return result


def _write_people(county: County, folder: Path) -> None:
    cells, grid = county.cells, county.cells.grid
    for name, share in group_shares(county).items():
        persons = np.round(county.persons * share[cells.place], 3)
        files.write_persons(folder / f"population_{name}.tif", grid, cells.index, persons, f"persons per cell, {name}")
    if county.land.preset.plan:
        return
    everywhere = _unconstrained(county)
    inside = np.flatnonzero(everywhere > 0)
    files.write_persons(
        folder / "population_unconstrained.tif", grid, inside, everywhere[inside], "persons per cell, unconstrained"
    )


def _unconstrained(county: County) -> NDArray[np.float64]:
    """Return the same people smeared over every land cell, as models without settlement masks do."""
    grid, land = county.cells.grid, county.land
    persons = np.zeros(grid.shape[0] * grid.shape[1])
    persons[county.cells.index] = county.persons
    every = np.arange(len(persons), dtype=np.int64)
    xy = land.working.project(*grid.centres(every))
    inside = shapely.contains_xy(land.outline, xy[:, 0], xy[:, 1])
    blurred = ndimage.gaussian_filter(persons.reshape(grid.shape), BLUR).ravel() * inside
    total = persons.sum()
    result = (1 - EVERYWHERE) * total * blurred / blurred.sum() + EVERYWHERE * total * inside / inside.sum()
    return np.asarray(np.round(result, 3))


def _write_tables(county: County, folder: Path, file: OsmFile) -> None:
    villages, census = _people_tables(county)
    files.write_csv(folder / "villages.csv", villages)
    files.write_csv(folder / "census.csv", census)
    files.write_csv(folder / "planted.csv", planted_rows(county, file))
    for name, text in venue_layers(county.land).items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    vehicles = sum(f.ambulances or 0 for f in county.facilities)
    negative = sum(f.negative_pressure or 0 for f in county.facilities)
    reported = [("救护车", 2025, vehicles, "合成数据"), ("负压救护车", 2025, negative, "合成数据")]
    files.write_csv(folder / "reported.csv", [("指标", "年份", "数值", "备注"), *reported])
    table = files.facility_table(county.land, county.places, county.facilities)
    dirty = dirty_workbook(table, stream(county.seed, "dirty"))
    files.write_workbook(folder / "facilities_dirty.xlsx", dirty.sheets)
    files.write_csv(folder / "clinics_gbk.csv", dirty.gbk_rows, encoding="gb18030")
    files.write_csv(folder / "faults.csv", dirty.faults)


def _write_place(county: County, folder: Path) -> None:
    villages, census = _people_tables(county)
    files.write_csv(folder / "villages.csv", villages)
    files.write_csv(folder / "census.csv", census)
    registered = sum(int(str(row[villages[0].index("户籍人口")])) for row in villages[1:])
    place.write_tables(county, folder, registered)


def _people_tables(county: County) -> tuple[list[list[object]], list[list[object]]]:
    """Return the village table (no coordinates, names as the division list has them) and the census by town."""
    preset, places, people = county.land.preset, county.places, county.residents
    shares = group_shares(county)
    rng = stream(county.seed, "registered")
    registered = np.round(people * preset.registered_per_resident * rng.uniform(0.85, 1.15, places.count))
    groups = [np.round(people * shares[name]) for name in ("0_14", "65plus", "women_15_49")]
    head = ["常住人口", "户籍人口", "0-14岁", "65岁及以上", "15-49岁女性", "户数", "备注"]
    columns = [people, registered, *groups, np.round(people / preset.household)]
    villages: list[list[object]] = [["区划代码", "村（社区）名称", "乡镇（街道）", "城乡分类代码", *head]]
    for k in range(places.count):
        name = files.list_name(str(places.name[k]))
        town, code = places.towns[int(places.town[k])], str(places.class_code[k])
        villages.append([str(places.code[k]), name, town, code, *(int(c[k]) for c in columns), "合成数据"])
    census: list[list[object]] = [["乡镇（街道）", *head]]
    for number, town in enumerate(places.towns):
        mine = places.town == number
        if mine.any():
            census.append([town, *(int(c[mine].sum()) for c in columns), "合成数据"])
    return villages, census


def _write_texts(county: County, folder: Path) -> None:
    preset = county.land.preset
    (folder / "study.toml").write_text(study_text(study_tree(preset)), encoding="utf-8", newline="\n")
    dirty = study_tree(preset, workbook="facilities_dirty.xlsx")
    dirty["study"]["name"] = f"{preset.county}（合成数据，待清理）"
    clinics = {"path": "clinics_gbk.csv", "crs": "GCJ-02"} | {
        key: value for key, value in dirty["facilities"][0].items() if key not in ("path", "layer", "crs")
    }
    dirty["facilities"].append(clinics)
    (folder / "study_more.toml").write_text(study_text(more_tree(preset)), encoding="utf-8", newline="\n")
    (folder / "study_dirty.toml").write_text(study_text(dirty), encoding="utf-8", newline="\n")
    (folder / "README.md").write_text(files.readme(preset, county.seed), encoding="utf-8", newline="\n")

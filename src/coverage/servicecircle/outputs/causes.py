"""Why two runs differ: the input files, keys of the study, records, speeds and versions that are not the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The classes of causes, in the order in which they are told.
CLASSES = (
    "facilities",
    "corrections",
    "roads",
    "population",
    "area",
    "standard",
    "speeds",
    "parameters",
    "version",
    "labels",
)
#: The class of the tables of a study file; what is not named here is a parameter.
SECTIONS = {
    "area": "area",
    "population": "population",
    "roads": "roads",
    "barriers": "roads",
    "relief": "roads",
    "facilities": "facilities",
    "assets": "facilities",
    "standards": "standard",
    "travel": "speeds",
    "corrections": "corrections",
    "outputs": "labels",
}
#: Keys that only name things, wherever they stand: no number depends on them.
NAMES = ("source", "licence", "note", "title", "quote")
#: What tells the entries of a list apart when some are added or removed.
IDENTITY = ("path", "id")


@dataclass(frozen=True)
class Cause:
    """One thing the two runs do not share.

    Attributes
    ----------
    kind : str
        One of :data:`CLASSES`.
    what : str
        ``file`` (an input's content), ``key`` (of the study file), ``record`` (of the catalogue), ``mode`` (a shipped
        speed) or ``version`` (the program's or a library's).
    name : str
        The file, the dotted key, the record with its key, or the library.
    old, new : object
        Both values as JSON knows them, None where there is none; of a file its sha256.
    """

    kind: str
    what: str
    name: str
    old: Any
    new: Any


def causes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Cause]:
    """Return what differs between the inputs of two records (trees of ``run.json``), in the order of ``CLASSES``."""
    keys = list(_study_keys(old, new))
    found = [*_files(old, new), *keys, *_records(old, new), *_modes(old, new, keys), *_versions(old, new)]
    return sorted(found, key=lambda one: CLASSES.index(one.kind))


def kinds(found: Iterable[Cause]) -> list[str]:
    """Return the classes of causes, each once."""
    return list(dict.fromkeys(one.kind for one in found))


def _files(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Cause]:
    before, after = _hashes(old), _hashes(new)
    for path in dict.fromkeys((*after, *before)):
        one, other = before.get(path), after.get(path)
        # A file of equal content under another name changes nothing; the key that names it is told as a key.
        renamed = (one is None and other in before.values()) or (other is None and one in after.values())
        if one != other and not renamed:
            yield Cause(_role(path, new if other else old), "file", path, one, other)


def _hashes(tree: Mapping[str, Any]) -> dict[str, str]:
    return {entry["path"]: entry["sha256"] for entry in tree["provenance"]["inputs"]}


def _role(path: str, tree: Mapping[str, Any]) -> str:
    """Return the class of an input file: that of the key that names it (or, of a shapefile's parts, its .shp)."""
    stem = PurePosixPath(path).with_suffix("")
    named = [(key, value) for key, value in _leaves(tree["study"]) if isinstance(value, str)]
    for key, value in named:
        if value == path:
            return _class(key)
    for key, value in named:
        if value.lower().endswith(".shp") and PurePosixPath(value).with_suffix("") == stem:
            return _class(key)
    return "roads"  # what no key names was downloaded


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{key}.{number}")
    else:
        yield key, value


def _class(key: str) -> str:
    parts = key.split(".")
    if "corrections" in parts:
        return "corrections"
    if parts[-1] in NAMES or key == "study.name":
        return "labels"
    return SECTIONS.get(parts[0], "parameters")


def _study_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Cause]:
    for key, before, after in differences(old["study"], new["study"]):
        yield Cause(_class(key), "key", key, before, after)


def differences(old: Any, new: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield dotted key, old and new value of whatever differs between two trees, in the order of the new one.

    Entries of a list that have a ``path`` or an ``id`` are compared with the entry of the same one; numbers in keys
    count in the new list (for what is gone, in the old one). A table that stands on one side only is told key by key.
    """
    old, new = _empty_like(old, new), _empty_like(new, old)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys((*new, *old)):
            yield from differences(old.get(name), new.get(name), f"{key}.{name}".lstrip("."))
    elif _is_list_of_tables(old) and _is_list_of_tables(new):
        for number, before, after in _pairs(old, new):
            yield from differences(before, after, f"{key}.{number}")
    elif old != new:
        yield key, old, new


def _empty_like(value: Any, other: Any) -> Any:
    """Return an empty table or list in the place of nothing, where the other side has one."""
    if value is None and (isinstance(other, Mapping) or (other and _is_list_of_tables(other))):
        return type(other)()
    return value


def _is_list_of_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, Mapping) for item in value)


def _pairs(old: Sequence[Any], new: Sequence[Any]) -> Iterator[tuple[int, Any, Any]]:
    """Yield the entries of two lists that belong together: equal identity first, the rest in their order."""
    place = {_identity(item): number for number, item in reversed(list(enumerate(old)))}
    match: dict[int, int] = {}
    for number, item in enumerate(new):
        at = place.get(_identity(item))
        if at is not None and at not in match.values():
            match[number] = at
    left = [number for number in range(len(old)) if number not in match.values()]
    for number, item in enumerate(new):
        at = match.get(number, left[0] if left else None)
        if number not in match and left:
            left.pop(0)
        yield number, None if at is None else old[at], item
    for number in left:
        yield number, old[number], None


def _identity(item: Mapping[str, Any]) -> str:
    return json.dumps([item.get(name) for name in IDENTITY], sort_keys=True)


def _records(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Cause]:
    """Yield what changed in records of the catalogue both runs judge; the study's own are keys of the study."""
    before, after = _standards(old), _standards(new)
    own = {one.get("id") for tree in (old, new) for one in tree["study"].get("standards", {}).get("define", ())}
    for name, record in after.items():
        if name in before and name not in own:
            for key, one, other in differences(before[name], record):
                kind = "labels" if key.split(".")[0] in NAMES else "standard"
                yield Cause(kind, "record", f"{name}: {key}", one, other)


def _standards(tree: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    records = [one["criterion"]["standard"] for one in tree["summaries"]]
    return {record["id"]: record for record in (*records, *(one["standard"] for one in tree["findings"]))}


def _modes(old: Mapping[str, Any], new: Mapping[str, Any], keys: Sequence[Cause]) -> Iterator[Cause]:
    """Yield speeds that changed though the study did not ask for it: those shipped are others."""
    before, after = old["provenance"]["modes"], new["provenance"]["modes"]
    asked = {cause.name.split(".")[2] for cause in keys if cause.name.startswith("travel.modes.")}
    told = asked | ({*before, *after} if any(cause.name == "travel.modes" for cause in keys) else set())
    for name in after:
        if name in before and name not in told:
            for key, one, other in differences(before[name], after[name]):
                yield Cause("labels" if key.split(".")[0] in NAMES else "speeds", "mode", f"{name}.{key}", one, other)


def _versions(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Cause]:
    for name, before, after in [
        ("servicecircle", old["provenance"]["version"], new["provenance"]["version"]),
        *differences(old["provenance"]["libraries"], new["provenance"]["libraries"]),
    ]:
        if before != after:
            yield Cause("version", "version", name, before, after)

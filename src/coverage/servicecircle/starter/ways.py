"""Which file holds the roads: an OpenStreetMap extract, a graph, else a layer of lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from servicecircle.inputs.columns import fold
from servicecircle.inputs.problems import some
from servicecircle.inputs.road_words import CLASS_OF, ONE_WAY, structure
from servicecircle.inputs.tables import to_number
from servicecircle.starter import roles
from servicecircle.starter.draft import without_empty
from servicecircle.starter.guess import near, placed_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from servicecircle.inputs.places import Box
    from servicecircle.starter.draft import Draft
    from servicecircle.starter.guess import Candidate
    from servicecircle.starter.look import Folder, Seen

#: Names of files and layers that hold roads though no column says a class.
ROAD = re.compile(r"road|street|highway|道路|公路|路网|街道|路段|路线", re.IGNORECASE)
#: Names of the columns beside the class, and the words each may hold.
_WORDS: dict[str, tuple[re.Pattern[str], Callable[[str], Any]]] = {
    "oneway": (re.compile(r"one.?way|单行|单向|方向", re.IGNORECASE), lambda word: ONE_WAY.get(fold(word))),
    "bridge": (re.compile(r"bridge|桥", re.IGNORECASE), lambda word: structure(word, "bridge")),
    "tunnel": (re.compile(r"tunnel|隧", re.IGNORECASE), lambda word: structure(word, "tunnel")),
}
_SPEED = re.compile(r"max.?speed|speed.?limit|限速", re.IGNORECASE)


def roads(draft: Draft, found: Folder, tables: Sequence[Candidate], place: Box | None) -> set[str]:
    """Write ``[roads]`` and return the titles of the layers it uses."""
    draft.table("[roads]")
    for key, paths in (("osm", found.osm), ("graphml", found.graphml)):
        if paths:
            best = max(paths, key=lambda path: path.stat().st_size)
            _others(draft, found, best, paths)
            draft.comment(key, file=found.shown(best))
            draft.set(key, {"path": draft.path(best)})
            unused = [] if key == "graphml" else found.graphml
            if unused:
                draft.comment("graphml_too", files=", ".join(map(found.shown, unused)))
            return set()
    lines = [one for one in tables if one.seen.shape == "line" and one.types is None and near(one.box, place)]
    classed = [one for one in lines if roles.road_class(one.seen) is not None]
    named = [one for one in lines if one not in classed and ROAD.search(one.seen.title)]
    if classed or named:
        best_lines = max(classed or named, key=lambda one: len(one.seen.table.cells))
        rest = [one.seen.title for one in classed or named if one is not best_lines]
        if rest:
            draft.tell("two_roads", file=best_lines.seen.title, others=", ".join(rest))
        _lines(draft, best_lines)
        return {best_lines.seen.title}
    draft.ask("roads")
    draft.open("osm", {"path": "county.osm.pbf"})
    return set()


def _others(draft: Draft, found: Folder, best: Path, paths: Sequence[Path]) -> None:
    others = [found.shown(path) for path in paths if path != best]
    if others:
        draft.tell("two_roads", file=found.shown(best), others=", ".join(others))


def _lines(draft: Draft, one: Candidate) -> None:
    seen, column = one.seen, roles.road_class(one.seen)
    keys: dict[str, Any] = dict(without_empty(path=draft.path(seen.path), layer=seen.layer))
    if column is None:
        draft.ask("road_class", file=seen.title, columns=one.columns)
        draft.open("lines", {**keys, "class": "道路等级"})
        return
    words = sorted({str(text) for text in seen.texts(column) if text and fold(str(text)) not in CLASS_OF})
    draft.comment("lines_used", file=seen.title, rows=len(seen.table.cells), column=column)
    keys["class"] = column
    keys |= without_empty(name=roles.road_name(seen), maxspeed=_speed_column(seen), **_word_columns(seen))
    if "" in set(seen.texts(column)):
        draft.comment("lines_empty", column=column)
        keys["default_class"] = "unclassified"
    placed_entry(draft, "lines", one, keys)
    if words:
        draft.ask("road_words", file=seen.title, column=column, words=some(words, 20))
        draft.open("lines", {**keys, "classes": dict.fromkeys(words, "track")})


def _word_columns(seen: Seen) -> dict[str, str]:
    """Return the columns of one-way traffic, bridges and tunnels: by name, where every word is known."""
    found: dict[str, str] = {}
    for key, (pattern, meaning) in _WORDS.items():
        for name in seen.columns:
            words = {str(text) for text in seen.texts(name)}
            if pattern.search(name) and words - {""} and all(meaning(word) is not None for word in words):
                found.setdefault(key, name)
    return found


def _speed_column(seen: Seen) -> str | None:
    for name in seen.columns:
        texts = [str(text) for text in seen.texts(name)]
        if _SPEED.search(name) and any(texts) and all(not text or _is_limit(text) for text in texts):
            return name
    return None


def _is_limit(text: str) -> bool:
    number = to_number(text)
    return number is not None and number >= 0

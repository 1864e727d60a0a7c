"""GraphML as osmnx saves it: nodes with places, edges with attributes, all as text; read in one pass.

The format's own reader (networkx) would build a graph of objects several times the size of the file and follows
entity declarations; this one keeps what a road network needs and refuses a document type where it begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

from servicecircle.errors import StudyError, problem

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

#: Deepest nesting; GraphML of a road graph has five levels.
MAX_DEPTH = 16
#: Largest file; a county's graph has some tens of megabytes.
MAX_BYTES = 4 << 30


@dataclass
class GraphFile:
    """What a GraphML file says.

    Attributes
    ----------
    directed : bool
    graph : dict
        Attributes of the graph (``crs``, ``created_with`` ...).
    nodes : dict
        Attributes of each node by its id.
    edges : list of tuple
        Tail, head and attributes, in the order of the file.
    """

    directed: bool = True
    graph: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, dict[str, str]] = field(default_factory=dict)
    edges: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


def parse_graphml(path: Path, shown: str, wanted: Collection[str]) -> GraphFile:
    """Read a GraphML file; of an edge's attributes only those ``wanted`` are kept.

    Raises
    ------
    StudyError
        The file is too large, no XML, nested too deeply, or has a document type or entities.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise StudyError(problem("roads.graph.too_large", file=shown, size=size >> 20, limit=MAX_BYTES >> 20))
    builder = _Builder(shown, wanted)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = builder.doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except (expat.ExpatError, LookupError, UnicodeError) as error:  # LookupError: an encoding nobody knows
        raise StudyError(problem("roads.unreadable", file=shown, detail=str(error))) from error
    return builder.found


class _Builder:
    """Gathers nodes and edges while the file streams by."""

    def __init__(self, shown: str, wanted: Collection[str]) -> None:
        self.found = GraphFile()
        self._shown = shown
        self._wanted = wanted
        self._names: dict[str, str] = {}
        self._depth = 0
        self._holder: dict[str, str] = {}
        self._key: str | None = None
        self._text: list[str] = []

    def doctype(self, *_: object) -> None:
        raise StudyError(problem("roads.doctype", file=self._shown))

    def start(self, tag: str, values: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise StudyError(problem("roads.graph.too_deep", file=self._shown, limit=MAX_DEPTH))
        name = tag.rpartition(" ")[2]
        if self._depth == 1 and name != "graphml":
            raise StudyError(problem("roads.unreadable", file=self._shown, detail=f"<{name}>"))
        if name == "key":
            self._names[values.get("id", "")] = values.get("attr.name", "")
        elif name == "graph":
            self.found.directed = values.get("edgedefault") != "undirected"
            self._holder = self.found.graph
        elif name == "node":
            self._holder = self.found.nodes.setdefault(values.get("id", ""), {})
        elif name == "edge":
            self._holder = {}
            self.found.edges.append((values.get("source", ""), values.get("target", ""), self._holder))
        elif name == "data":
            self._key = self._names.get(values.get("key", ""), "")
            self._text = []

    def text(self, text: str) -> None:
        if self._key is not None:
            self._text.append(text)

    def end(self, tag: str) -> None:
        self._depth -= 1
        name = tag.rpartition(" ")[2]
        if name == "data" and self._key is not None:
            if self._holder is self.found.graph or self._key in self._wanted:
                self._holder[self._key] = "".join(self._text)
            self._key = None
        elif name in ("node", "edge"):
            self._holder = self.found.graph

"""Nearest facility from every junction of Porto Alegre: this package, scipy and networkx side by side in one process.

Run with ``make bench``. Prints the best of several rounds and the ratio to each peer; all three must give the same
whole milliseconds.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from servicecircle.flow import prepare
from servicecircle.study import load_study

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 5


def best_of(rounds: int, work: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """Return the shortest time in seconds of several rounds, and the answer."""
    best, answer = float("inf"), np.zeros(0)
    for _ in range(rounds):
        start = time.perf_counter()
        answer = work()
        best = min(best, time.perf_counter() - start)
    return best, answer


def main() -> int:
    """Measure and print; 1 when the answers differ."""
    path = ROOT / "geodata/porto_alegre/study.toml"
    if not (ROOT.parent / "shared/data/porto_alegre").is_dir():
        print("left out: the real data beside the project are absent")
        return 0
    world = prepare(load_study(path)).world
    search = world.search("walk", "to_facility", "time")
    access = world.entrances.places.access["walk"]
    ends = search.ends(access, np.arange(len(access.point)), at_door=True)
    node, value, facility = ends.node, ends.value, access.point[ends.row]
    factor = 1 << int(len(world.facilities) - 1).bit_length()
    graph = search.graph
    nodes = len(world.network.node_id)
    plain = csr_array((graph.cost.astype(float), graph.node, graph.start), shape=(nodes, nodes))
    peer = nx.DiGraph()
    peer.add_nodes_from(range(nodes + 1))
    tail = np.repeat(np.arange(nodes), np.diff(graph.start))
    peer.add_weighted_edges_from(zip(tail.tolist(), graph.node.tolist(), graph.cost.tolist(), strict=True))
    for n in np.unique(node):
        peer.add_edge(nodes, int(n), weight=int(value[node == n].min()))

    def by_package() -> np.ndarray:
        cost = search.run(node, value * factor + facility, factor)
        reached = np.isfinite(cost)
        return np.where(reached, np.where(reached, cost, 0) // factor, np.inf)

    def by_scipy_each() -> np.ndarray:
        best = np.full(nodes, np.inf)
        for n in np.unique(node):
            best = np.minimum(best, dijkstra(plain, indices=n) + value[node == n].min())
        return best

    def by_networkx() -> np.ndarray:
        found = nx.single_source_dijkstra_path_length(peer, nodes)
        return np.array([found.get(n, np.inf) for n in range(nodes)])

    ours, answer = best_of(ROUNDS, by_package)
    print(f"nearest of {len(world.facilities)} facilities with its id, {nodes} junctions, walk")
    print(f"  servicecircle              {ours * 1000:9.1f} ms")
    same = True
    for name, rounds, work in (("networkx", 2, by_networkx), ("scipy, one search a door", 1, by_scipy_each)):
        seconds, other = best_of(rounds, work)
        equal = np.array_equal(answer, other)
        same &= equal
        print(f"  {name:<26} {seconds * 1000:9.1f} ms   ratio {ours / seconds:.3f}   equal: {equal}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())

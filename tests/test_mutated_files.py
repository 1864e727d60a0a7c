"""Any bytes as any input: a refusal in sentences, or results whose ledger closes; no crash, hang or write outside."""

from __future__ import annotations

import os
from collections import Counter

from tests.mutations import bad, kinds, mutated, outcomes

DEEP = os.environ.get("SERVICECIRCLE_DEEP") == "1"
COUNT = 2000 if DEEP else 100


def test_mutated_files() -> None:
    found = list(outcomes(range(COUNT)))
    print(dict(Counter(one["outcome"] for one in found)))
    assert [one for one in found if bad(one)] == []
    assert len(found) == COUNT


def test_every_kind_of_file_is_spoilt() -> None:
    kinds_of_files = {target.rpartition(".")[2] for kind in kinds() for target in kind.targets}
    assert kinds_of_files >= set("csv xlsx geojson gpkg shp shx dbf kml tif osm pbf graphml toml".split())
    assert mutated(7) == mutated(7)

"""Which standards a starter study is judged by: those whose facility types the files hold."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from servicecircle.standards.catalogue import load_catalogue
from servicecircle.standards.model import Covering
from servicecircle.standards.vocabulary import accepts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicecircle.standards.model import Criterion, Standard
    from servicecircle.starter.draft import Draft

NATIONAL = ("national", "national_unverified")
#: A plan is taken when at least this share of its standards can be judged.
SHARE = 0.5
#: The study's own circle where no standard of the catalogue asks for what the files hold.
OWN = "study/circle-15min"


def plans(held: Iterable[str]) -> dict[str, tuple[list[str], int]]:
    """Return for each plan its standards that the held types can answer, and how many it has."""
    types = set(held)
    found: dict[str, tuple[list[str], int]] = {}
    for standard in load_catalogue().values():
        if not isinstance(standard, Covering):
            # what is reported or counted is no sign of which plan the files belong to
            continue
        answered, count = found.get(_plan(standard), ([], 0))
        more = [standard.id] if accepts(standard.types) & types else []
        found[_plan(standard)] = (answered + more, count + 1)
    return found


def _plan(standard: Standard) -> str:
    return standard.id.partition("/")[0]


def standards(draft: Draft, held: Counter[str]) -> None:
    """Write ``[standards]`` and, as a comment, ``[siting]``."""
    draft.table("[standards]")
    if not held:
        draft.comment("standards_open")
        draft.set("use", ["national"])
        return
    offered = plans(held)
    local = {name: ids for name, (ids, count) in offered.items() if name not in NATIONAL and len(ids) >= SHARE * count}
    national = [one for name in NATIONAL for one in offered.get(name, ([], 0))[0]]
    ids: list[str] = []
    shown = "; ".join(f"{name} {len(ids)}/{count}" for name, (ids, count) in sorted(offered.items()))
    if local:
        best = max(sorted(local), key=lambda name: (len(local[name]) / offered[name][1], len(local[name])))
        draft.comment("standards_plan", plan=best, count=len(local[best]), offered=shown)
        draft.set("use", [best])
        for other in sorted(set(local) - {best}):
            draft.open("use", [other])
        if national:
            whole = all(len(ids) == count for name, (ids, count) in offered.items() if name in NATIONAL)
            draft.open("use", ["national"] if whole else national)
        ids = local[best]
    elif national:
        draft.comment("standards_national", offered=shown)
        ids = _for_everybody(national) or national
        draft.set("use", ids)
        if ids != national:
            draft.open("use", national)
    if not ids:
        _own(draft, held)
    _siting(draft, next((c.key for c in _criteria(ids)), f"{OWN}/walk"))


def _for_everybody(ids: list[str]) -> list[str]:
    """Leave out what is asked for in towns or in the country alone: not every folder says which is which."""
    catalogue = load_catalogue()
    return [name for name in ids if getattr(catalogue[name], "area_class", None) is None]


def _own(draft: Draft, held: Counter[str]) -> None:
    draft.comment("standards_own")
    draft.add("[[standards.define]]")
    draft.set("id", OWN)
    draft.set("title", {"zh": "15分钟服务圈（假定）", "en": "15-minute circle (assumed)"})
    draft.set("kind", "circle")
    draft.set("types", sorted(held))
    draft.set("measures", ["walk", "drive"])
    draft.set("limit_min", 15)


def _criteria(ids: list[str]) -> list[Criterion]:
    """Return the criteria sites can be sought for: all but presences."""
    catalogue = load_catalogue()
    return [one for name in ids if catalogue[name].kind != "presence" for one in catalogue[name].criteria()]


def _siting(draft: Draft, criterion: str) -> None:
    draft.lines.append("")
    draft.comment("siting")
    draft.lines += ["# [siting]", f'# standard = "{criterion}"', "# choose = 3"]

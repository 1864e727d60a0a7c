"""Rows of a table without coordinates to the units or places they mean: by code, else by name within the town.

A wrong join is worse than none: nothing is joined by likeness. Names are equal as they stand, or equal once their
administrative endings are dropped; less is dropped before more, and what then fits two targets is joined to neither.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from servicecircle.errors import Problem, problem
from servicecircle.inputs.problems import some
from servicecircle.inputs.units import KIND_ENDINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Key: TypeAlias = tuple[str, ...]

#: Kinds of unit that may be written for one another; a town is never a village of the same name.
FAMILY: Mapping[str, str] = {"village": "village", "community": "village", "town": "town", "street": "town"}
TOWN_KINDS = ("town", "street")
#: Endings that may stand before another ending of their kind: 李家村村委会 is 李家村委会.
DOUBLED: Mapping[str, tuple[str, ...]] = {"village": ("村", "嘎查"), "community": ("社区",)}
#: A name of one character says too little to call a village and a community the same.
LEAST_WITHOUT_KIND = 2
#: Names of rows that sum other rows.
TOTALS = frozenset("合计 总计 小计 共计 总数 全县 全区 全市 全旗 全镇 全乡 total sum subtotal".split())
#: Spellings named for a row that fits nothing.
SPELLINGS = 3
#: How much is dropped, least first: nothing; the endings; a doubled ending; also the kind that the endings say.
EXACT, DROPPED, TWICE, KINDLESS = range(4)


@dataclass(frozen=True)
class Form:
    """A name taken apart.

    Attributes
    ----------
    text : str
        NFKC, without blanks and invisible characters, case folded.
    kind : str
        ``village``, ``community``, ``town``, ``street`` or empty, by its ending.
    stems : tuple of str
        What is left without the ending, and without a second ending of the same kind; never an empty text.
    """

    text: str
    kind: str = ""
    stems: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """Kinds it may be written as."""
        return FAMILY.get(self.kind, "")


@cache
def form(name: str, kinds: tuple[str, ...] = tuple(KIND_ENDINGS)) -> Form:
    """Take a name apart; only endings of some kinds are endings (桑村, short for the town 桑村镇, has none).

    Examples
    --------
    >>> form("李家村 村委会").stems, form("李家社区").kind, form("社区").stems
    (('李家村', '李家'), 'community', ())
    """
    text = plain_text(name)
    ends = [(len(end), kind) for kind in kinds for end in KIND_ENDINGS[kind] if text.endswith(end)]
    length, kind = max((end for end in ends if end[0] < len(text)), default=(0, ""))
    if not kind:
        return Form(text)
    stem = text[:-length]
    shorter = [stem.removesuffix(end) for end in DOUBLED.get(kind, ()) if stem.endswith(end) and stem != end]
    return Form(text, kind, (stem, *shorter))


def town_form(name: str) -> Form:
    """Take the name of a town apart."""
    return form(name, TOWN_KINDS)


def plain_text(name: str) -> str:
    """Return a name in half width, without blanks and invisible characters, case folded."""
    folded = unicodedata.normalize("NFKC", name)
    return "".join(c for c in folded if not c.isspace() and unicodedata.category(c) != "Cf").casefold()


def _shown_as(one: Form) -> tuple[list[Key], ...]:
    """Return, per stage, the keys under which a target is found."""
    if not one.text:
        return ([], [], [], [])
    exact: list[Key] = [("text", one.text)]
    dropped: list[Key] = [("bare", one.family, one.text), *(("stem", one.family, stem) for stem in one.stems)]
    if one.stems:
        dropped.append(("kind", one.kind, one.stems[0]))
    return exact, dropped, *_twice_dropped(one)


def _sought_as(one: Form) -> tuple[list[Key], ...]:
    """Return, per stage, the keys a row is sought by; ``_shown_as`` of a fitting target holds one of them."""
    if not one.text:
        return ([], [], [], [])
    exact: list[Key] = [("text", one.text)]
    families = [one.family] if one.family else sorted(set(FAMILY.values()))
    dropped: list[Key] = [("stem", family, one.text) for family in families]
    dropped += [("bare", family, stem) for family in (one.family, "") for stem in one.stems]
    if one.stems:
        dropped.append(("kind", one.kind, one.stems[0]))
    return exact, dropped, *_twice_dropped(one)


def _twice_dropped(one: Form) -> tuple[list[Key], list[Key]]:
    same: list[Key] = [("same", one.kind, stem) for stem in one.stems]
    other: list[Key] = [("other", one.family, stem) for stem in one.stems[:1]]
    return same, other


@dataclass(frozen=True)
class Names:
    """Codes, names and towns of some rows or targets; an empty text where there is none."""

    code: Sequence[str]
    name: Sequence[str]
    town: Sequence[str]


def names_of(units: pd.DataFrame) -> Names:
    """Return codes, names and towns of ``UNITS`` (:mod:`servicecircle.inputs.tables`)."""
    return Names(*([str(text) for text in units[column]] for column in ("id", "name", "parent")))


def sums_others(code: str, name: str, town: str) -> bool:
    """Return whether a row is a sum: it says so, names a town only, or has the name of its own town."""
    if {plain_text(name), plain_text(town)} & TOTALS or (town and not name and not code):
        return True
    one = town_form(name)
    return one.kind != "" and one.text == town_form(town).text


@dataclass(frozen=True)
class Matching:
    """Which target each row means.

    Attributes
    ----------
    target : int64 array (rows,)
        Position of the target, -1 where there is none.
    reason : mapping
        By position of the row: why it has no target.
    clashes : tuple
        ``(target, rows)`` where several rows mean one target; none of them is joined.
    other_name : tuple of int
        Rows joined by their code though their name is not the target's and nobody else's.
    other_kind : tuple of int
        Rows joined by name though one side says village and the other community, or town and street.
    """

    target: NDArray[np.int64]
    reason: Mapping[int, Problem]
    clashes: tuple[tuple[int, tuple[int, ...]], ...]
    other_name: tuple[int, ...] = ()
    other_kind: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Found:
    """Targets that fit a name at the first stage at which any does."""

    targets: tuple[int, ...] = ()
    stage: int = 0


class _Index:
    """Targets by their keys, stage by stage, inside pools: the whole area, and each town."""

    def __init__(self, forms: Sequence[Form], pools: Sequence[Iterable[int]]) -> None:
        self._forms = forms
        self._by_key: dict[tuple[int, int, Key], list[int]] = defaultdict(list)
        self.members: dict[int, list[int]] = defaultdict(list)
        for target, (one, mine) in enumerate(zip(forms, pools, strict=True)):
            keys = _shown_as(one)
            for pool in mine:
                self.members[pool].append(target)
                for stage in range(KINDLESS + 1):
                    for key in keys[stage]:
                        self._by_key[pool, stage, key].append(target)

    def find(self, one: Form, pools: Iterable[int]) -> _Found:
        """Return the targets that fit a name within one town; the first stage at which any fits decides."""
        for stage, targets in enumerate(self._stages(one, pools)):
            if targets and (stage != KINDLESS or len(one.stems[0]) >= LEAST_WITHOUT_KIND):
                return _Found(tuple(sorted(targets)), stage)
        return _Found()

    def find_anywhere(self, one: Form, pools: Iterable[int]) -> _Found:
        """Return the targets that fit a name whose town is not known.

        The text as it stands decides; else no other target may have the name, whatever its endings.
        """
        exact, dropped, twice, kindless = self._stages(one, pools)
        if exact:
            return _Found(tuple(sorted(exact)), EXACT)
        enough = bool(one.stems) and len(one.stems[0]) >= LEAST_WITHOUT_KIND
        if dropped or (kindless and enough):
            return _Found(tuple(sorted(dropped | twice | kindless)), DROPPED if dropped else KINDLESS)
        return _Found()

    def _stages(self, one: Form, pools: Iterable[int]) -> list[set[int]]:
        pools = list(pools)
        return [
            {target for pool in pools for key in keys for target in self._by_key.get((pool, stage, key), ())}
            for stage, keys in enumerate(_sought_as(one))
        ]

    def spellings(self, one: Form, pools: Iterable[int]) -> str:
        """Return the nearest names in some pools, at most three; ``-`` when none is near."""
        known = {self._forms[t].text: None for pool in pools for t in self.members[pool]}
        near = difflib.get_close_matches(one.text, sorted(known), n=SPELLINGS, cutoff=0.4)
        return ", ".join(near) or "-"


#: Pools of an index beside its towns, which count from 0.
EVERYWHERE, TOWNLESS = -1, -2
#: Stages of a row joined by its code: its name agrees or is missing; its name is nobody's.
BY_CODE, BY_CODE_ALONE = -1, -2


class _Matcher:
    """The targets, ready to be asked row by row."""

    def __init__(self, targets: Names, take_apart: Callable[[str], Form]) -> None:
        self.targets, self._take_apart = targets, take_apart
        self.towns = sorted({town for town in targets.town if town})
        self._town_index = _Index([town_form(town) for town in self.towns], [[EVERYWHERE]] * len(self.towns))
        number = {town: k for k, town in enumerate(self.towns)}
        pools = [[EVERYWHERE, number.get(town, TOWNLESS)] for town in targets.town]
        self.forms = [take_apart(name) for name in targets.name]
        self._index = _Index(self.forms, pools)
        self._by_code = {plain_text(code): k for k, code in enumerate(targets.code) if plain_text(code)}

    def _pools(self, town: str) -> list[int] | Problem:
        """Return where to look for a row: in the towns of that name, and among targets without a town."""
        one = town_form(town)
        if not one.text or not self.towns:
            return [EVERYWHERE]
        found = self._town_index.find(one, [EVERYWHERE])
        pools = [*found.targets, *([TOWNLESS] if self._index.members[TOWNLESS] else [])]
        near = self._town_index.spellings(one, [EVERYWHERE])
        return pools or problem("matching.no_town", town=town, nearest=near)

    def _find(self, one: Form, pools: list[int] | Problem) -> _Found:
        if isinstance(pools, Problem):
            return _Found()
        in_one_town = len(pools) == 1 and pools[0] >= 0
        return self._index.find(one, pools) if in_one_town else self._index.find_anywhere(one, pools)

    def row(self, code: str, name: str, town: str) -> tuple[int, int] | Problem:
        """Return target and stage of a row, or why it has none."""
        one, pools = self._take_apart(name), self._pools(town)
        found = self._find(one, pools)
        by_code = self._by_code.get(plain_text(code), -1)
        if by_code < 0:
            return self._by_name(code, one, pools, found)
        if not one.text or not self.forms[by_code].text or self._agree(one, by_code):
            return by_code, BY_CODE
        if not found.targets:
            return by_code, BY_CODE_ALONE
        others = some(map(self.label, found.targets))
        return problem("matching.code_and_name", code=code, unit=self.label(by_code), name=one.text, others=others)

    def _by_name(self, code: str, one: Form, pools: list[int] | Problem, found: _Found) -> tuple[int, int] | Problem:
        if len(found.targets) == 1:
            return found.targets[0], found.stage
        if not one.text:
            return problem("matching.no_code", code=code) if code else problem("matching.nameless")
        if isinstance(pools, Problem):
            return pools
        if found.targets:
            return problem("matching.ambiguous", name=one.text, units=some(map(self.label, found.targets)))
        return problem("matching.unmatched", name=one.text, nearest=self._index.spellings(one, pools))

    def _agree(self, one: Form, target: int) -> bool:
        return bool(_Index([self.forms[target]], [[EVERYWHERE]]).find(one, [EVERYWHERE]).targets)

    def label(self, target: int) -> str:
        """Return a target as messages name it: town, name and code."""
        code, name, town = (texts[target] for texts in (self.targets.code, self.targets.name, self.targets.town))
        return f"{town}{name} ({code})" if code and code != name else f"{town}{name}"


def match(rows: Names, targets: Names, *, towns: bool = False, several: bool = False) -> Matching:
    """Return which target each row means; the order of rows and targets does not matter.

    A row means the target with its code. Without one it means the target of its name in its town as long as exactly
    one fits, tried in this order: the same text; the same text without the ending of either, or both without endings
    of the same kind; without a doubled ending; endings of two kinds (a village and a community), unless another row
    has a better claim to the target. Where the row names no town or the targets have none, the name must be the
    only one of its kind in the whole area (``_Index.find_anywhere``). A row whose code says one target and whose name
    says another is joined to neither.

    Parameters
    ----------
    rows, targets : Names
    towns : bool
        Whether the names are those of towns, so that 桑村 is short for 桑村镇 and no village called 桑.
    several : bool
        Whether several rows may mean one target, and do not clash.
    """
    matcher = _Matcher(targets, town_form if towns else form)
    found = [matcher.row(*row) for row in zip(rows.code, rows.name, rows.town, strict=True)]
    reason = {k: one for k, one in enumerate(found) if isinstance(one, Problem)}
    claims: dict[int, dict[int, int]] = defaultdict(dict)
    for k, one in enumerate(found):
        if not isinstance(one, Problem):
            claims[one[0]][k] = one[1]
    target = np.full(len(found), -1, dtype=np.int64)
    stage: dict[int, int] = {}
    clashes = []
    for unit, claim in sorted(claims.items()):
        # a village and a community of one name are two units where both are in the table
        better = [k for k in claim if claim[k] != KINDLESS]
        taken = problem("matching.taken", unit=matcher.label(unit))
        reason |= {k: taken for k in claim if better and k not in better}
        claimants = better or list(claim)
        if len(claimants) > 1 and not several:
            clashes.append((unit, tuple(claimants)))
        else:
            target[claimants] = unit
            stage |= {k: claim[k] for k in claimants}
    return Matching(
        target,
        reason,
        tuple(clashes),
        other_name=tuple(k for k in sorted(stage) if stage[k] == BY_CODE_ALONE),
        other_kind=tuple(k for k in sorted(stage) if stage[k] == KINDLESS),
    )

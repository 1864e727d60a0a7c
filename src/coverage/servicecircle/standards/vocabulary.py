"""Words for facilities, owners, administrative units and assets, read from ``vocabulary.toml``: one word, one code.

A word is compared whole. Before comparing, both sides are trimmed, full-width characters are folded to half-width
and upper case to lower case. Nothing is guessed from a part of a word: an unknown word stays unknown, to be reported.

A Chinese map service's category (``医疗保健服务;诊所;诊所``) knows fewer types than plans do. There, and nowhere else,
the place's name says more, by the endings the file declares (:func:`type_by_name`).
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from servicecircle.standards.model import Record, Title

Level = Literal[
    "county",
    "zone",
    "township",
    "village",
    "settlement",
    "area",
    "village_attribute",
    "village_class",
    "area_class",
    "outside",
]
UnitKind = Literal["village", "community", "town", "street"]
AssetUnit = Literal[
    "persons", "beds", "vehicles", "places", "kinds", "posts", "items", "square_metres", "yes_no", "level", "category"
]


class Value(Record):
    """One value of an attribute that is not a number."""

    code: str
    """Code used in records."""
    zh: str
    """Chinese title; also a word."""
    en: str
    """English title; also a word."""
    words: tuple[str, ...] = ()
    """Further words."""

    def spellings(self) -> frozenset[str]:
        """Return every word of the value, folded."""
        return frozenset(fold(word) for word in (self.code, self.zh, self.en, *self.words))


#: Words for a yes/no attribute, folded.
YES = frozenset("是 有 已 已建 已达标 达标 合格 y yes true t 1 √ ✓ v".split())
NO = frozenset("否 无 没有 未 未建 未达标 不达标 不合格 n no false f 0 × x ✗".split())


class Term(Record):
    """One code of the vocabulary and the words that mean it."""

    code: str
    """Code used in records and tables."""
    zh: str
    """Chinese title; also a word."""
    en: str
    """English title; also a word."""
    words: tuple[str, ...] = ()
    """Further words as plans, tables and map services print them."""
    osm: tuple[str, ...] = ()
    """OpenStreetMap tags, ``key=value``; the value alone is a word too."""
    endings: tuple[str, ...] = ()
    """What names of the type end with, where a map service's category is all that is known."""
    name_from: tuple[str, ...] = ()
    """Types, with all below them, that such a category may mean for an ending to count; those above always may."""
    parent: str | None = None
    """Group the code belongs to; a record that names the group accepts the code."""
    level: Level | None = None
    """Level of an administrative unit."""
    kind: UnitKind | None = None
    """Kind of unit a presence may be limited to."""
    unit: AssetUnit | None = None
    """What one of an asset is: ``yes_no``, ``level`` (ordered ``values``) and ``category`` are attributes."""
    values: tuple[Value, ...] = ()
    """Values of a ``level``, lowest first, or of a ``category``."""

    @property
    def title(self) -> Title:
        """Title in both languages."""
        return Title(zh=self.zh, en=self.en)

    def spellings(self) -> frozenset[str]:
        """Return every word of the term, folded."""
        values = (tag.partition("=")[2] for tag in self.osm)
        return frozenset(fold(word) for word in (self.code, self.zh, self.en, *self.words, *self.osm, *values))


def fold(text: str) -> str:
    """Return a word trimmed, with full-width characters and case folded (``（CHC）`` becomes ``(chc)``)."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


@cache
def _content() -> dict[str, Any]:
    return tomllib.loads(files("servicecircle.standards").joinpath("vocabulary.toml").read_text(encoding="utf-8"))


@cache
def _section(name: str) -> dict[str, Term]:
    return {code: Term(code=code, **values) for code, values in _content()[name].items()}


@cache
def _index(name: str) -> dict[str, str]:
    return {word: code for code, term in _section(name).items() for word in term.spellings()}


def facility_types() -> dict[str, Term]:
    """Return the facility types by code, in the order of the file."""
    return dict(_section("type"))


def ownerships() -> dict[str, Term]:
    """Return the ownership values by code."""
    return dict(_section("ownership"))


def unit_terms() -> dict[str, Term]:
    """Return the terms for administrative units by code."""
    return dict(_section("unit"))


def assets() -> dict[str, Term]:
    """Return the assets (staff, beds, vehicles ...) by code."""
    return dict(_section("asset"))


def type_code(text: str) -> str | None:
    """Return the facility type a word means, or None for an unknown word.

    Parameters
    ----------
    text : str
        A Chinese or English word, a code, an OpenStreetMap tag (``amenity=hospital``) or its value (``hospital``),
        or the category of a Chinese map service (``医疗保健服务;诊所;诊所``).
    """
    return _index("type").get(fold(text))


def category_codes(text: str) -> tuple[str, ...]:
    """Return the types the categories of a map service mean, in their order; empty for any other word.

    Parameters
    ----------
    text : str
        One category, a chain joined by ``;``, or several joined by ``|``, the main one first; unknown ones are left out
    """
    chains = [part for part in text.split("|") if ";" in fold(part)]
    return tuple(code for part in chains if (code := type_code(part)) is not None)


def type_by_name(name: str, codes: Iterable[str]) -> str | None:
    """Return the type the name of a place says within what its category may mean, or None where it says nothing more.

    Read in turn until an ending fits: the name without a remark in brackets at its end, the name up to its last word
    for an institution (``某街卫生院口腔科`` is read as ``某街卫生院``), the remark. The longest ending that may count
    does.

    Parameters
    ----------
    name : str
        The name of the place.
    codes : iterable of str
        Types its categories mean (:func:`category_codes`).
    """
    open_to = frozenset().union(*(_open_to(code) for code in codes))
    found = (_by_ending(text, open_to) for text in _readings(fold(name)))
    return next((code for code in found if code is not None), None)


def _readings(name: str) -> tuple[str, ...]:
    remark = ""
    if name.endswith(")") and "(" in name:
        name, _, remark = name[:-1].rpartition("(")
    return (name.strip(), _institution(name), remark.strip())


def _institution(name: str) -> str:
    words = [fold(word) for word in _content()["name"]["institutions"]]
    return name[: max(name.rfind(word) + len(word) if word in name else 0 for word in words)]


def _by_ending(name: str, open_to: frozenset[str]) -> str | None:
    fits = [ending for ending, code in _endings().items() if code in open_to and name.endswith(ending)]
    return _endings()[max(fits, key=len)] if fits else None


@cache
def _endings() -> dict[str, str]:
    return {fold(ending): code for code, term in _section("type").items() for ending in term.endings}


@cache
def _open_to(code: str) -> frozenset[str]:
    """Return the types an ending may lead to from the type of a category: itself, those below it, those declared."""
    declared = {other for other, term in _section("type").items() if code in accepts(term.name_from)}
    return accepts([code]) | declared


def ownership_code(text: str) -> str | None:
    """Return ``government``, ``collective``, ``private`` or ``non_profit``, or None for an unknown word."""
    return _index("ownership").get(fold(text))


def asset_code(text: str) -> str | None:
    """Return the asset a word means (``床位数`` is ``beds``), or None for an unknown word."""
    return _index("asset").get(fold(text))


def asset_value(code: str, text: str) -> float | None:
    """Return a word as the number an attribute is stored as, or None for an unknown word.

    A yes/no attribute is 1 or 0; a level or category is the place of its value in the list, from 0. For a plain
    number use ``inputs.tables.to_number``.
    """
    term, word = _section("asset")[code], fold(text)
    if term.unit == "yes_no":
        return 1.0 if word in YES else 0.0 if word in NO else None
    return next((float(place) for place, value in enumerate(term.values) if word in value.spellings()), None)


def is_attribute(code: str) -> bool:
    """Return whether an asset is a yes/no attribute, a level or a category: nothing that can be added up."""
    term = _section("asset").get(code)
    return term is not None and term.unit in ("yes_no", "level", "category")


def unit_code(text: str) -> str | None:
    """Return the code of a term for administrative units (``嘎查`` is ``gacha``), or None for an unknown word."""
    return _index("unit").get(fold(text))


def unit_level(text: str) -> Level | None:
    """Return the level of a term for administrative units (``苏木`` is ``township``), or None for an unknown word."""
    code = unit_code(text)
    return None if code is None else _section("unit")[code].level


def unit_kind(text: str) -> UnitKind | None:
    """Return ``village``, ``community``, ``town`` or ``street``; None for an unknown word or a term of no such kind."""
    code = unit_code(text)
    return None if code is None else _section("unit")[code].kind


def type_title(code: str, language: str) -> str:
    """Return the title of a facility type in ``zh`` or ``en``; an unknown code is returned as it is."""
    term = _section("type").get(code)
    return code if term is None else term.title.in_language(language)


def accepts(types: Iterable[str]) -> frozenset[str]:
    """Return the given types and all below them: ``hospital`` accepts ``general_hospital``, ``tcm_hospital`` ..."""
    accepted = set(types)
    parents = {code: term.parent for code, term in _section("type").items()}
    while grown := {code for code, parent in parents.items() if parent in accepted} - accepted:
        accepted |= grown
    return frozenset(accepted)

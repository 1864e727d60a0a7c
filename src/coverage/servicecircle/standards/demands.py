"""What a requirement demands, in words: one line for each kind that is no circle, radius or presence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from servicecircle.standards.faults import COUNTED
from servicecircle.standards.model import Need, Standard
from servicecircle.standards.modes import standard_modes
from servicecircle.standards.vocabulary import assets, type_title
from servicecircle.text.text import say


def number(value: float) -> str:
    """Return a number as the plan would print it: at most ten digits, no trailing zeros."""
    return f"{value:.10g}"


def percent(share: float) -> str:
    """Return a share (0-1) in percent: ``70 %``."""
    return f"{number(share * 100)} %"


def demand_text(standard: Standard, language: str) -> str:
    """Return what a record of any kind but circle, radius and presence demands, as one line.

    Raises
    ------
    KeyError
        The record is a circle, a radius or a presence: its criteria have limits of their own.
    """
    return _KINDS[standard.kind](standard, language)


def asset_title(code: str, language: str) -> str:
    """Return the title of an asset or attribute; an unknown code is returned as it is."""
    term = assets().get(code)
    return code if term is None else term.title.in_language(language)


def types_text(types: Iterable[str], language: str) -> str:
    """Return the titles of facility types, joined."""
    return _joined((type_title(code, language) for code in types), language)


def need_text(need: Need, language: str) -> str:
    """Return a condition in words: ``hospital grade: at least grade II``, ``has a fever clinic``."""
    term = assets()[need.has]
    title = term.title.in_language(language)
    values = {value.code: value.zh if language == "zh" else value.en for value in term.values}
    if need.share_of:
        title = say(language, "standards.demand.part", part=title, whole=asset_title(need.share_of, language))
    if need.one_of:
        allowed = _joined((values[code] for code in need.one_of), language)
        return say(language, "standards.demand.is", what=title, value=allowed)
    if isinstance(need.at_least, str):
        return say(language, "standards.demand.is", what=title, value=f"≥ {values[need.at_least]}")
    if need.at_least is None and need.at_most is None:
        return title
    as_text = percent if need.share_of else number
    return f"{title} {bounds_text(need.at_least, need.at_most, language, as_text)}"


def bounds_text(low: float | None, high: float | None, language: str, as_text: Callable[[float], str] = number) -> str:
    """Return a floor, a ceiling or a band in words; without any that no target is printed."""
    if low is not None and high is not None:
        return f"{as_text(low)}-{as_text(high)}"
    if low is not None:
        return f"≥ {as_text(low)}"
    if high is not None:
        return f"≤ {as_text(high)}"
    return say(language, "standards.demand.no_target")


def _joined(words: Iterable[str], language: str) -> str:
    return say(language, "standards.missing.join").join(words)


def _needs(needs: Iterable[Need], language: str) -> str:
    return _joined((need_text(need, language) for need in needs), language)


def _target(record: Any, language: str) -> str:
    if getattr(record, "target_count", None) is not None:
        return f"≥ {record.target_count}"
    return bounds_text(record.target_share, None, language, percent)


def _what(record: Any, language: str) -> str:
    if record.asset == COUNTED:
        return types_text(record.types, language)
    title = asset_title(record.asset, language)
    if not record.types:
        return title
    return say(language, "standards.demand.of_types", what=title, types=types_text(record.types, language))


def _ratio(record: Any, language: str) -> str:
    bounds = bounds_text(record.at_least, record.at_most, language)
    if record.reference:
        bounds = record.reference
    what = _what(record, language)
    if record.per_asset:
        other = asset_title(record.per_asset, language)
        return say(language, "standards.demand.ratio_asset", asset=what, other=other, bounds=bounds)
    basis = say(language, f"standards.basis.{record.basis}") if record.basis else ""
    return say(
        language, "standards.demand.ratio", asset=what, per=number(record.per_people), basis=basis, bounds=bounds
    )


def _portion(record: Any, language: str) -> str:
    part = _joined((asset_title(code, language) for code in record.assets), language)
    bounds = bounds_text(record.at_least, record.at_most, language, percent)
    key = "portion_each" if record.each else "portion"
    return say(language, f"standards.demand.{key}", part=part, whole=asset_title(record.of, language), bounds=bounds)


def _share(record: Any, language: str) -> str:
    types, needs = types_text(record.types, language), _needs(record.must, language)
    return say(language, "standards.demand.share", types=types, needs=needs, target=_target(record, language))


def _unit_share(record: Any, language: str) -> str:
    unit = say(language, f"standards.level.{record.per}")
    needs, target = _needs(record.must, language), bounds_text(record.target_share, None, language, percent)
    return say(language, "standards.demand.share", types=unit, needs=needs, target=target)


def _unit_floor(record: Any, language: str) -> str:
    what = asset_title(record.asset, language) if record.asset else say(language, "standards.demand.value")
    unit = say(language, f"standards.level.{record.per}")
    as_text = number if record.asset else lambda value: f"{number(value)} %"
    bounds = bounds_text(record.at_least, record.at_most, language, as_text)
    return say(language, "standards.demand.unit_floor", what=what, unit=unit, bounds=bounds)


def _fleet(record: Any, language: str) -> str:
    what = asset_title(record.asset, language)
    if record.cap:
        most = "?" if record.most is None else str(record.most)
        return say(language, "standards.demand.fleet_cap", what=what, most=most)
    if record.share is not None:
        whole = asset_title(record.share_of, language)
        return say(language, "standards.demand.fleet_share", what=what, whole=whole, share=percent(record.share))
    values = {"persons": number(record.persons_per_vehicle), "multiplier": percent(record.multiplier)}
    return say(language, "standards.demand.fleet", what=what, **values)


def _exclusion(record: Any, language: str) -> str:
    around = types_text(record.around, language)
    metres = number(record.limit_km * 1000)
    return say(
        language, "standards.demand.exclusion", types=types_text(record.types, language), around=around, m=metres
    )


def _colocation(record: Any, language: str) -> str:
    values = {"types": types_text(record.types, language), "partners": types_text(record.partners, language)}
    target = _target(record, language)
    return say(language, "standards.demand.colocation", m=number(record.limit_m), target=target, **values)


def _nearest(record: Any, language: str) -> str:
    mode = standard_modes()[record.mode].title.in_language(language)
    bands = "/".join(number(band) for band in record.bands_min)
    services = types_text(record.services, language)
    return say(language, "standards.demand.nearest", services=services, mode=mode, bands=bands)


def _inventory(record: Any, language: str) -> str:
    return say(language, "standards.demand.inventory", types=types_text(record.types, language))


def _tiers(record: Any, language: str) -> str:
    levels = (
        f"{say(language, f'standards.level.{tier.per}')}: {types_text(tier.types, language)}" for tier in record.tiers
    )
    key = "tiers_linked" if record.links else "tiers"
    return say(language, f"standards.demand.{key}", tiers="; ".join(levels))


def _parity(record: Any, language: str) -> str:
    return say(language, "standards.demand.parity", what=_what(record, language))


def _cross_boundary(record: Any, language: str) -> str:
    return say(language, "standards.demand.cross_boundary", of=record.of)


def _composite(record: Any, language: str) -> str:
    need = len(record.of) if record.need is None else record.need
    return say(language, "standards.demand.composite", need=need, count=len(record.of), of=", ".join(record.of))


def _siting(record: Any, language: str) -> str:
    ends = [str(one) for one in (record.count, record.count_most) if one is not None]
    return say(
        language, "standards.demand.siting", types=types_text(record.types, language), count="-".join(ends)
    ).strip()


def _reported(record: Any, language: str) -> str:
    unit = say(language, f"findings.unit.{record.unit}")
    bounds = record.reference or bounds_text(record.at_least, record.at_most, language)
    return say(language, "standards.demand.reported", bounds=bounds, unit=unit).strip()


def _context(record: Any, language: str) -> str:
    return str(record.reason.in_language(language))


_KINDS: Mapping[str, Callable[[Any, str], str]] = {
    "ratio": _ratio,
    "portion": _portion,
    "share": _share,
    "unit_floor": _unit_floor,
    "unit_share": _unit_share,
    "fleet": _fleet,
    "exclusion": _exclusion,
    "colocation": _colocation,
    "nearest": _nearest,
    "inventory": _inventory,
    "tiers": _tiers,
    "parity": _parity,
    "cross_boundary": _cross_boundary,
    "composite": _composite,
    "siting": _siting,
    "reported": _reported,
    "context": _context,
}

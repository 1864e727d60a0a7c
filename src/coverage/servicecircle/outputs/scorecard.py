"""The scorecard: every row of the plans' register once, with value, target, baseline, verdict and clause."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from servicecircle.analysis.finding import DEPENDS, MET, NO_DATA, NO_TARGET, NOT_MET, Finding, Item, Reading, common
from servicecircle.analysis.summary import verdicts_of
from servicecircle.outputs.tables import TABLES
from servicecircle.standards.catalogue import load_catalogue
from servicecircle.standards.demands import asset_title, bounds_text, number, percent
from servicecircle.standards.vocabulary import assets, type_title
from servicecircle.standards.wording import clause_text, demands, limit_text, missing_text, status_mark
from servicecircle.text.text import catalogue, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from servicecircle.results import CriterionSummary, Results
    from servicecircle.standards.model import Standard

#: A row's state is the first of these that one of its records has.
STATES = ("computed", "reported", "no data", "not computable")
#: A row of several demands is judged by the worst of them.
WORST = (NOT_MET, DEPENDS, NO_DATA, MET, "reported", NO_TARGET, "not computable")
BETWEEN = "\n"
#: Readings that stand side by side: bases of people, fleets, town and country.
BASES = ("basis.", "fleet.", "class.")
#: What a presence is short of, by the level it counts in.
SHORT_OF = {"village": "units", "township": "towns", "county": "areas"}


@dataclass(frozen=True)
class Part:
    """One record of a row and what was found: summaries of its measures, or a finding."""

    standard: Standard
    summaries: tuple[CriterionSummary, ...] = ()
    finding: Finding | None = None

    @property
    def state(self) -> str:
        """Return ``computed``, ``reported``, ``no data`` or ``not computable``."""
        if self.finding is not None:
            return self.finding.state
        return "computed" if any(summary.state == "computed" for summary in self.summaries) else "no data"

    @property
    def verdict(self) -> str:
        """Return the verdict; a limit that is borrowed has none."""
        if self.standard.borrowed and self.state in ("computed", "reported"):
            return NO_TARGET
        if self.finding is not None:
            return self.finding.verdict
        known = [verdict for one in self.summaries if one.state == "computed" for verdict in verdicts_of(one)]
        return common(known) if known else NO_DATA


def rows_of(results: Results) -> dict[tuple[str, str], list[Part]]:
    """Return the records of each row, by place and row, in the order chosen; a record of no plan is its own row."""
    of_standard: dict[str, list[CriterionSummary]] = {}
    for summary in results.summaries:
        of_standard.setdefault(summary.criterion.standard.id, []).append(summary)
    found = {finding.standard.id: finding for finding in results.findings}
    rows: dict[tuple[str, str], list[Part]] = {}
    for standard in results.standards:
        place, _, name = standard.id.partition("/")
        part = Part(standard, tuple(of_standard.get(standard.id, ())), found.get(standard.id))
        rows.setdefault((place, standard.row or name), []).append(part)
    return rows


def verdict_of(parts: Sequence[Part]) -> str:
    """Return the verdict of a row: of several demands the worst, of several readings the one they share.

    Readings among demands are, together, one of the demands. A row that decides a site is not answered by what was
    measured beside it.
    """
    if _decides(parts):
        return NO_DATA
    readings = [part.verdict for part in parts if part.standard.reading]
    verdicts = [part.verdict for part in parts if not part.standard.reading]
    verdicts += [common(readings)] if readings else []  # type: ignore[arg-type]
    if set(verdicts) == {NO_TARGET, NO_DATA}:
        unanswered = [part for part in parts if part.verdict == NO_DATA]
        return NO_DATA if any(target_text(part, "en") for part in unanswered) else NO_TARGET
    return next(verdict for verdict in WORST if verdict in verdicts)


def state_of(parts: Sequence[Part]) -> str:
    """Return the state of a row: computed where any of its records is, unless the row decides a site."""
    if _decides(parts):
        return "no data"
    states = {part.state for part in parts}
    return next(state for state in STATES if state in states)


def _decides(parts: Sequence[Part]) -> bool:
    """Return whether a row is a decision of siting that awaits ``[siting]``."""
    return any(part.standard.kind == "siting" for part in parts)


def scorecard(results: Results) -> pd.DataFrame:
    """Return the scorecard, columns as in ``TABLES["scorecard"]``: every row of the register once."""
    language = results.study.outputs.language
    rows = [_row(place, row, parts, language) for (place, row), parts in rows_of(results).items()]
    return pd.DataFrame(rows, columns=[column.name for column in TABLES["scorecard"]], dtype=object)


def verdict_counts(results: Results) -> dict[str, int]:
    """Return how many rows have each verdict, the most frequent first."""
    counts = Counter(verdict_of(parts) for parts in rows_of(results).values())
    return dict(counts.most_common())


#: Texts of one record; a row joins those of its records, line by line.
TEXTS = (
    *("title", "demand_text", "value_text", "baseline_text", "target_text", "short_text", "readings_text"),
    *("parameters_text", "missing_text", "clause", "note"),
)


def part_cells(part: Part, language: str) -> dict[str, str]:
    """Return the texts of one record: what it demands, what was found, where it stands (``TEXTS``)."""
    standard = part.standard
    return {
        "title": standard.title.in_language(language),
        "demand_text": demands(standard, language),
        "value_text": _value(part, language),
        "baseline_text": _baseline(standard),
        "target_text": _target(part, language),
        "short_text": _short(part, language),
        "readings_text": _readings(part, language),
        "parameters_text": _parameters(part, language),
        "missing_text": _missing(part, language),
        "clause": clause_text(standard, language),
        "note": standard.note.in_language(language) if standard.note else "",
    }


def _row(place: str, row: str, parts: list[Part], language: str) -> dict[str, Any]:
    standards = [part.standard for part in parts]
    verdict = verdict_of(parts)
    cells = [part_cells(part, language) for part in parts]
    return {name: _lines(one[name] for one in cells) for name in TEXTS} | {
        "place": place,
        "row": row,
        "ids": " ".join(standard.id for standard in standards),
        "kinds": " ".join(dict.fromkeys(standard.kind for standard in standards)),
        "state": state_of(parts),
        "verdict": verdict,
        "verdict_text": say(language, f"tables.word.{verdict}"),
        "plan": standards[0].plan,
        "lines": ", ".join(dict.fromkeys(str(standard.line) for standard in standards if standard.line)),
        "status": standards[0].status,
    }


def _lines(texts: Iterable[str]) -> str:
    """Return the texts that say anything, one below the other, each once."""
    return BETWEEN.join(dict.fromkeys(text for text in texts if text))


def shown(value: float | None, unit: str) -> str:
    """Return a value as a reader wants it: a share in percent to a tenth, anything else to three decimals at most."""
    if value is None:
        return "-"
    if unit == "share":
        return f"{value * 100:.1f} %"
    return f"{round(value, 3):,.10g}"


def _with_unit(value: float | None, unit: str, language: str) -> str:
    text = shown(value, unit)
    name = "" if unit == "share" else unit_name(unit, language)
    return f"{text} {name}".strip()


def unit_name(unit: str, language: str) -> str:
    """Return what a value is: a word of the texts, an asset's title, or the unit itself."""
    words = catalogue(language)
    if f"findings.unit.{unit}" in words:
        return words[f"findings.unit.{unit}"]
    return asset_title(unit, language) if unit in assets() else unit


def reading_name(name: str, language: str) -> str:
    """Return what a reading is called."""
    words = catalogue(language)
    if f"findings.reading.{name}" in words:
        return words[f"findings.reading.{name}"]
    kind, _, rest = name.partition(":")
    code, _, band = rest.partition(":")
    if kind == "service":
        return say(language, "findings.words.band", value=type_title(code, language), text=band)
    return type_title(code, language) if kind == "type" else rest or name


def _value(part: Part, language: str) -> str:
    if part.finding is not None:
        unit = part.finding.unit
        return _by_basis(
            part.finding,
            {one.name: _with_unit(one.value, unit, language) for one in part.finding.readings if one.value is not None},
            language,
        )
    return BETWEEN.join(
        f"{limit_text(summary.criterion, language)}: {_share(summary)}"
        for summary in part.summaries
        if summary.state == "computed"
    )


def _by_basis(finding: Finding, texts: Mapping[str, str], language: str) -> str:
    """Return the texts of every basis of people, each with its name; else that of the first reading alone."""
    bases = [reading.name for reading in finding.readings if reading.name.startswith(BASES)]
    if len(bases) < 2:
        return next((texts.get(reading.name, "") for reading in finding.readings), "")
    return BETWEEN.join(f"{reading_name(name, language)}: {texts[name]}" for name in bases if name in texts)


def _share(summary: CriterionSummary) -> str:
    if summary.criterion.measure == "presence":
        return f"{summary.units_every} / {summary.units}"
    low, high = summary.share_low, summary.share_high
    if low is None or high is None:
        return shown(summary.share_covered, "share")
    return f"{shown(summary.share_covered, 'share')} ({low * 100:.1f}-{high * 100:.1f})"


def _baseline(standard: Standard) -> str:
    if standard.baseline is None:
        return ""
    year = "" if standard.baseline_year is None else f" ({standard.baseline_year})"
    return f"{number(standard.baseline)}{year}"


def _target(part: Part, language: str) -> str:
    standard = part.standard
    if standard.borrowed:
        lender = load_catalogue().get(standard.borrowed)
        mark = "" if lender is None else status_mark(lender, language).strip()
        return say(language, "findings.words.borrowed", of=f"{standard.borrowed}{mark}")
    year = "" if standard.target_year is None else f" ({standard.target_year})"
    text = target_text(part, language)
    return f"{text}{year}" if text else say(language, "standards.demand.no_target")


def target_text(part: Part, language: str) -> str:
    """Return the target of a record without its year; an empty text where the plan prints none."""
    standard: Any = part.standard
    if standard.kind == "siting":
        return "-".join(str(one) for one in (standard.count, standard.count_most) if one is not None)
    count, share = getattr(standard, "target_count", None), getattr(standard, "target_share", None)
    if count is not None:
        return f"≥ {count}"
    if share is not None:
        return f"≥ {percent(share)}"
    if standard.criteria():
        return ""
    readings = part.finding.readings if part.finding is not None else ()
    low, high = (readings[0].low, readings[0].high) if readings else (None, None)
    low, high = getattr(standard, "at_least", low), getattr(standard, "at_most", high)
    if low is None and high is None:
        return str(getattr(standard, "reference", ""))
    return bounds_text(low, high, language, percent if standard.kind in ("portion", "tiers") else number)


def _short(part: Part, language: str) -> str:
    if part.finding is not None:
        unit = part.finding.short_unit
        short = {one.name: _with_unit(one.short, unit, language) for one in part.finding.readings if one.short}
        return _by_basis(part.finding, short, language)
    texts: list[str] = []
    standard: Any = part.standard
    for summary in part.summaries:
        if summary.state != "computed":
            continue
        lacking = summary.persons - summary.covered_persons
        missed = summary.units - summary.units_every
        if summary.criterion.measure == "presence":
            texts += [_with_unit(float(missed), SHORT_OF[standard.per], language)] if missed else []
        elif round(lacking):
            texts.append(
                f"{limit_text(summary.criterion, language)}: {_with_unit(round(lacking), 'persons', language)}"
            )
    return BETWEEN.join(texts)


def _readings(part: Part, language: str) -> str:
    if part.finding is not None:
        readings = part.finding.readings
        return BETWEEN.join(_reading(one, part.finding.unit, language) for one in readings) if len(readings) > 1 else ""
    measured = [one for one in part.summaries if one.state == "computed" and one.criterion.measure != "presence"]
    return BETWEEN.join(
        text for summary in measured for text in (_units(summary, language), _flips(summary, language)) if text
    )


def _units(summary: CriterionSummary, language: str) -> str:
    counts = {"any": summary.units_any, "every": summary.units_every, "units": summary.units}
    text = say(language, "findings.words.units", limit=limit_text(summary.criterion, language), **counts)
    verdicts = (
        f"{say(language, f'findings.reading.{name}')} {say(language, f'tables.word.{verdict}')}"
        for name, verdict in summary.reading_verdicts
    )
    return "; ".join((text, *verdicts))


def _flips(summary: CriterionSummary, language: str) -> str:
    """Return the changes that would turn the verdict; another mode has a line of its own."""
    changes = [f"{say(language, f'tables.word.{what}')} {setting}" for what, setting in summary.flips if what != "mode"]
    if not changes:
        return ""
    values = {"limit": limit_text(summary.criterion, language), "changes": ", ".join(changes)}
    return say(language, "findings.words.flips", **values)


def _reading(reading: Reading, unit: str, language: str) -> str:
    text = f"{reading_name(reading.name, language)}: {shown(reading.value, unit)}"
    if reading.verdict == NO_TARGET:
        return text
    return f"{text} ({say(language, f'tables.word.{reading.verdict}')})"


def _parameters(part: Part, language: str) -> str:
    if part.finding is None:
        return ""
    return "; ".join(
        f"{_parameter(name, language)} {value if isinstance(value, str) else shown(value, '')}"
        for name, value in part.finding.parameters.items()
    )


def _parameter(name: str, language: str) -> str:
    word, _, code = name.partition(":")
    key = f"findings.parameter.{word}"
    text = catalogue(language).get(key) or reading_name(word, language)
    return f"{text} {type_title(code, language)}".strip()


def _missing(part: Part, language: str) -> str:
    if part.finding is None:
        codes = [code for summary in part.summaries for code in summary.missing]
        doubtful = max((summary.doubtful for summary in part.summaries), default=0)
        told = say(language, "findings.words.unknown", count=doubtful) if doubtful else ""
        return "; ".join(one for one in (missing_text(dict.fromkeys(codes), language), told) if one)
    missing, unknown = part.finding.missing, part.finding.unknown
    if missing == ("siting",):
        return say(language, "findings.words.awaits", what=missing_text(missing, language))
    text = missing_text(dict.fromkeys(missing), language)
    told = say(language, "findings.words.unknown", count=unknown) if unknown else ""
    return "; ".join(one for one in (text, told) if one)


def shortfalls(results: Results) -> pd.DataFrame:
    """Return the facilities and units that do not meet a requirement, or of which that is not known."""
    language = results.study.outputs.language
    rows = [
        _item(place, row, part, item, language)
        for (place, row), parts in rows_of(results).items()
        for part in parts
        if part.finding is not None
        for item in part.finding.items
    ]
    return pd.DataFrame(rows, columns=[column.name for column in TABLES["shortfalls"]], dtype=object)


def _item(place: str, row: str, part: Part, item: Item, language: str) -> dict[str, Any]:
    return {
        "place": place,
        "row": row,
        "standard": part.standard.id,
        "of": item.of,
        "item_id": item.id,
        "name": type_title(item.name, language) if item.of == "type" else item.name,
        "parent": item.parent,
        "value": item.value,
        "why_text": why_text(item, language),
        "clause": clause_text(part.standard, language),
    }


def why_text(item: Item, language: str) -> str:
    """Return why something is listed."""
    words = catalogue(language)
    return words.get(f"findings.why.{item.why}") or words.get(f"tables.word.{item.why}", item.why)

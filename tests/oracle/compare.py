"""Truth against the package's `units.csv`: what was found, what was missed, what was cried for nothing.

Only decided rows count; the share of undecided ones is told, and rows that need what a run does not model stand apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

Pair = tuple[str, str]


@dataclass(frozen=True)
class Comparison:
    """(criterion, unit id) pairs of decided rows, and what could not be compared."""

    found: list[Pair]
    missed: list[Pair]
    false: list[Pair]
    right: int
    undecided: list[Pair]
    beyond: list[Pair]
    only_truth: list[Pair]
    only_run: list[Pair]

    @property
    def undecided_share(self) -> float:
        """Undecided rows over all rows both hold."""
        total = self.right + len(self.missed) + len(self.false) + len(self.undecided)
        return len(self.undecided) / total if total else 0.0

    @property
    def agrees(self) -> bool:
        """Nothing missed, nothing cried for nothing, the same rows on both sides."""
        return not (self.missed or self.false or self.only_truth or self.only_run)

    def __str__(self) -> str:
        return (
            f"found {len(self.found)}, missed {len(self.missed)}, false {len(self.false)}, right {self.right}, "
            f"undecided {len(self.undecided)} ({self.undecided_share:.1%}), beyond {len(self.beyond)}, "
            f"only in truth {len(self.only_truth)}, only in run {len(self.only_run)}"
        )


def compare(
    truth: pd.DataFrame, units: pd.DataFrame | str | Path, *, supports: frozenset[str] = frozenset()
) -> Comparison:
    """Compare truth rows with a run's (columns criterion, unit_id, short); `supports` names what the run models."""
    run = units if isinstance(units, pd.DataFrame) else pd.read_csv(units, dtype=str, encoding="utf-8-sig")
    said = {
        (str(c), str(u)): str(s).lower() == "true"
        for c, u, s in zip(run["criterion"], run["unit_id"], run["short"], strict=True)
    }
    true = {(c, u): bool(s) for c, u, s in zip(truth["criterion"], truth["unit_id"], truth["short"], strict=True)}
    pairs = list(zip(truth["criterion"], truth["unit_id"], strict=True))
    needs = dict(zip(pairs, truth["needs"], strict=True)) if "needs" in truth else {}
    undecided = sorted(p for p, d in zip(pairs, truth["decided"], strict=True) if not d and p in said)
    beyond = sorted(p for p, need in needs.items() if need and need not in supports and p in said)
    counted = sorted((set(true) & set(said)) - set(undecided) - set(beyond))
    return Comparison(
        found=[p for p in counted if true[p] and said[p]],
        missed=[p for p in counted if true[p] and not said[p]],
        false=[p for p in counted if said[p] and not true[p]],
        right=sum(true[p] == said[p] for p in counted),
        undecided=[p for p in undecided if p not in beyond],
        beyond=beyond,
        only_truth=sorted(set(true) - set(said)),
        only_run=sorted(set(said) - set(true)),
    )

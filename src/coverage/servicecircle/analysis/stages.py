"""What one stage of the flow hands to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from servicecircle.analysis.build import Ground
    from servicecircle.analysis.evaluate import Coverage, ReachCache
    from servicecircle.analysis.finding import Finding
    from servicecircle.analysis.summary import Counts
    from servicecircle.analysis.world import World
    from servicecircle.inputs.gather import Inputs
    from servicecircle.standards.model import Criterion, Standard
    from servicecircle.study import Study
    from servicecircle.travel.doors import AccessFinder


@dataclass(frozen=True)
class Prepared:
    """A study ready to be judged.

    Attributes
    ----------
    world : World
        With the modes of the criteria.
    wide : World
        The same with every mode, where the study asks for ranges.
    """

    study: Study
    standards: tuple[Standard, ...]
    criteria: tuple[Criterion, ...]
    inputs: Inputs
    ground: Ground
    world: World
    finder: AccessFinder
    wide: World


@dataclass(frozen=True)
class Judged:
    """Coverage of all criteria with people counted, table by table, and what is found of all other standards."""

    coverage: Coverage
    cache: ReachCache
    counts: tuple[Counts, ...]
    tables: tuple[pd.DataFrame, ...]
    findings: tuple[Finding, ...] = ()

"""Which facilities count for a standard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from servicecircle.standards.vocabulary import accepts
from servicecircle.standards.wording import MISSING_GROUP

if TYPE_CHECKING:
    from collections.abc import Container

    import pandas as pd
    from numpy.typing import NDArray

    from servicecircle.standards.model import Standard


def facilities_for(facilities: pd.DataFrame, standard: Standard) -> NDArray[np.int64]:
    """Return the rows, ascending, whose type (or a narrower one) and ownership the standard accepts."""
    mask = facilities["type"].isin(accepts(standard.types)).to_numpy()
    if standard.ownership:
        mask = mask & facilities["ownership"].isin(standard.ownership).to_numpy()
    return np.flatnonzero(mask).astype(np.int64)


def missing_inputs(facilities: pd.DataFrame, standard: Standard) -> tuple[str, ...]:
    """Return what no input holds although the standard asks for it; empty when it can be judged.

    The facility types when no row is of any of them; ``ownership`` when such rows exist but none says who
    owns it: unknown is not fail.
    """
    of_type = facilities["type"].isin(accepts(standard.types))
    if not of_type.any():
        return standard.types
    if standard.ownership and (facilities.loc[of_type, "ownership"] == "").all():
        return ("ownership",)
    return ()


def missing_group(groups: Container[str], standard: Standard) -> tuple[str, ...]:
    """Return ``group:NAME`` where a standard counts a group the study does not give: unknown is not nobody."""
    return (f"{MISSING_GROUP}{standard.group}",) if standard.group and standard.group not in groups else ()


def unknown_ownership(facilities: pd.DataFrame, standard: Standard) -> int:
    """Return how many facilities of the types asked for do not count because nobody says who owns them."""
    if not standard.ownership:
        return 0
    of_type = facilities["type"].isin(accepts(standard.types))
    return int((of_type & (facilities["ownership"] == "")).sum())

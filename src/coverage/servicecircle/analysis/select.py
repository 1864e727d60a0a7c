"""Which facilities count for a standard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from servicecircle.analysis.holdings import UNKNOWN, YES, Holdings
from servicecircle.standards.vocabulary import accepts
from servicecircle.standards.wording import MISSING_GROUP

if TYPE_CHECKING:
    from collections.abc import Container

    import pandas as pd
    from numpy.typing import NDArray

    from servicecircle.standards.model import Covering, OfFacilities


def facilities_for(facilities: pd.DataFrame, standard: OfFacilities, holdings: Holdings) -> NDArray[np.int64]:
    """Return the rows, ascending, whose type (or a narrower one) and ownership the standard accepts.

    A facility must also have what the standard needs; one of which that is not known does not count.
    """
    mask = facilities["type"].isin(accepts(standard.types)).to_numpy()
    if standard.ownership:
        mask = mask & facilities["ownership"].isin(standard.ownership).to_numpy()
    if standard.needs:
        mask = mask & (holdings.states("facility", list(facilities["id"]), standard.needs) == YES)
    return np.flatnonzero(mask).astype(np.int64)


def missing_inputs(facilities: pd.DataFrame, standard: OfFacilities, holdings: Holdings) -> tuple[str, ...]:
    """Return what no input holds although the standard asks for it; empty when it can be judged.

    The facility types when no row is of any of them; ``ownership`` when such rows exist but none says who
    owns it, and the attributes of which nothing is known of any: unknown is not fail.
    """
    of_type = facilities["type"].isin(accepts(standard.types))
    if not of_type.any():
        return standard.types
    if standard.ownership and (facilities.loc[of_type, "ownership"] == "").all():
        return ("ownership",)
    ids = list(facilities.loc[of_type, "id"])
    return tuple(need.has for need in standard.needs if (holdings.states("facility", ids, (need,)) == UNKNOWN).all())


def missing_group(groups: Container[str], standard: Covering) -> tuple[str, ...]:
    """Return ``group:NAME`` where a standard counts a group the study does not give: unknown is not nobody."""
    return (f"{MISSING_GROUP}{standard.group}",) if standard.group and standard.group not in groups else ()


def unknown_ownership(facilities: pd.DataFrame, standard: OfFacilities) -> int:
    """Return how many facilities of the types asked for do not count because nobody says who owns them."""
    if not standard.ownership:
        return 0
    of_type = facilities["type"].isin(accepts(standard.types))
    return int((of_type & (facilities["ownership"] == "")).sum())


def unknown_needs(facilities: pd.DataFrame, standard: OfFacilities, holdings: Holdings) -> int:
    """Return how many facilities of the types asked for do not count because an attribute of theirs is not known."""
    if not standard.needs:
        return 0
    of_type = facilities["type"].isin(accepts(standard.types))
    return int((holdings.states("facility", list(facilities.loc[of_type, "id"]), standard.needs) == UNKNOWN).sum())

"""Which facilities count for a standard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from servicecircle.analysis.holdings import NO, UNKNOWN, YES, Holdings
from servicecircle.standards.vocabulary import accepts
from servicecircle.standards.wording import MISSING_GROUP

if TYPE_CHECKING:
    from collections.abc import Container

    import pandas as pd
    from numpy.typing import NDArray

    from servicecircle.standards.model import Covering, OfFacilities


def counting(facilities: pd.DataFrame, record: Any, holdings: Holdings) -> NDArray[np.int8]:
    """Return whether each facility counts for a record by its ownership and by what it must have.

    The one place that decides it: ``YES``, ``NO``, or ``UNKNOWN`` where nobody says who owns it or what it has. The
    types are not looked at; a record without ``ownership`` or ``needs`` asks for none.
    """
    state = holdings.states("facility", list(facilities["id"]), getattr(record, "needs", ()))
    if not getattr(record, "ownership", ()):
        return state
    owners = facilities["ownership"].to_numpy()
    owned = np.where(owners == "", UNKNOWN, np.isin(owners, record.ownership)).astype(np.int8)
    return np.where((state == NO) | (owned == NO), NO, np.minimum(state, owned)).astype(np.int8)


def facilities_for(facilities: pd.DataFrame, standard: OfFacilities, holdings: Holdings) -> NDArray[np.int64]:
    """Return the rows, ascending, of the facilities that count for a standard: of its types, owned and equipped so.

    One of which that is not known does not count (:func:`doubtful_for`).
    """
    return _rows(facilities, standard, holdings, YES)


def doubtful_for(facilities: pd.DataFrame, standard: OfFacilities, holdings: Holdings) -> NDArray[np.int64]:
    """Return the rows, ascending, of the facilities of the types asked for that may count: it is not known."""
    return _rows(facilities, standard, holdings, UNKNOWN)


def _rows(facilities: pd.DataFrame, standard: OfFacilities, holdings: Holdings, state: int) -> NDArray[np.int64]:
    of_type = facilities["type"].isin(accepts(standard.types)).to_numpy()
    return np.flatnonzero(of_type & (counting(facilities, standard, holdings) == state)).astype(np.int64)


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

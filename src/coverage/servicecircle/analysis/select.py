"""Which facilities count for a standard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from servicecircle.standards.vocabulary import accepts

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from servicecircle.standards.model import Standard


def facilities_for(facilities: pd.DataFrame, standard: Standard) -> NDArray[np.int64]:
    """Return the rows, ascending, whose type (or a narrower one) and ownership the standard accepts."""
    mask = facilities["type"].isin(accepts(standard.types)).to_numpy()
    if standard.ownership:
        mask = mask & facilities["ownership"].isin(standard.ownership).to_numpy()
    return np.flatnonzero(mask).astype(np.int64)


def has_types(facilities: pd.DataFrame, standard: Standard) -> bool:
    """Return whether any input row is of a type the standard asks for, whatever its ownership."""
    return bool(facilities["type"].isin(accepts(standard.types)).any())

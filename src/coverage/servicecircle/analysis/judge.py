"""The one registry of judges: kind of requirement -> function. None of them knows a clinic or a county.

Circles and radii are judged by their reach alone (``analysis/cover.py``); what needs more has a judge here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicecircle.analysis.presence import Presence, facilities_per_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from servicecircle.analysis.world import World
    from servicecircle.standards.model import Criterion

    Judge = Callable[[World, Criterion, NDArray[np.int64]], Presence]

JUDGES: Mapping[str, Judge] = {"presence": facilities_per_unit}

"""What the doctor looks for beside what the readers say: each look takes what was read and yields problems.

A *look* never stops a run by itself; how much harm a finding does stands in one place,
:mod:`servicecircle.doctor.finding`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from servicecircle.doctor import duplicates, outside, people, roads, shift, units, written, years
from servicecircle.doctor.finding import harm_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from servicecircle.analysis.stages import Prepared
    from servicecircle.errors import Problem
    from servicecircle.inputs.gather import Inputs
    from servicecircle.study import Study

    InputLook: TypeAlias = Callable[[Study, Inputs], Iterable[Problem]]
    WorldLook: TypeAlias = Callable[[Prepared], Iterable[Problem]]

#: Looks at the files alone.
INPUT_LOOKS: tuple[InputLook, ...] = (
    shift.suspect_shift,
    *(duplicates.look_near, duplicates.look_departments, duplicates.look_piled, duplicates.look_types),
    *(written.look_numbers, written.look_decimals, written.look_codes),
    *(people.look_cells, people.look_ceiling, people.look_nodata, people.look_unknown, people.look_compared),
    *(units.look_gaps, units.look_parts, units.look_far, units.look_names, units.look_towns, units.look_layers),
    *(roads.look_classes, roads.look_speeds, roads.look_untagged, roads.look_ids),
    outside.look_rows_outside,
    years.look_years,
)

#: Looks at people, facilities and roads once they are placed and attached.
WORLD_LOOKS: tuple[WorldLook, ...] = (
    *(people.look_density, people.look_total, people.look_census, people.look_water),
    *(roads.look_pieces, roads.look_apart, roads.look_traps, roads.look_sparse, roads.look_no_road),
    *(roads.look_far, roads.look_walls, roads.look_detours),
    outside.look_most_outside,
)


def look_at_inputs(study: Study, inputs: Inputs) -> list[Problem]:
    """Return what all looks at the files find."""
    return [one for look in INPUT_LOOKS for one in look(study, inputs)]


def look_at_world(prepared: Prepared) -> list[Problem]:
    """Return what all looks at the placed people, facilities and roads find."""
    return [one for look in WORLD_LOOKS for one in look(prepared)]


def warnings(prepared: Prepared) -> list[Problem]:
    """Return what the looks find that probably makes a figure wrong: a run says it too."""
    found = (*look_at_inputs(prepared.study, prepared.inputs), *look_at_world(prepared))
    return [one for one in found if harm_of(one.key) == "wrong"]

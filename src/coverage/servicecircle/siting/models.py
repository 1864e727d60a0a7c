"""Location models, solved exactly by HiGHS: one thread, a fixed seed, no time limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import highspy
import numpy as np

from servicecircle.errors import InternalError, problem

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

#: Nodes of the branch and bound tree after which the search gives up: a budget in work, not in seconds.
NODES_MOST = 200_000


@dataclass(frozen=True)
class Choice:
    """Chosen candidates, ascending, and the proved relative gap to the best choice (0: it is the best)."""

    chosen: NDArray[np.int64]
    gap: float


def maximal_covering(covers: csr_array, weight: NDArray[np.float64], choose: int) -> Choice:
    """Choose sites so that the most people are covered (MCLP; Church and ReVelle 1974).

    Parameters
    ----------
    covers : sparse bool array (candidates, groups)
        Which candidate covers which group of people.
    weight : float64 array (groups,)
        People of each group.
    choose : int
        Number of sites, at most the number of candidates.

    Returns
    -------
    Choice
        The best choice; within the node budget at least a feasible one with its gap.

    Raises
    ------
    InternalError
        The solver finds no choice at all.
    """
    candidates, groups = covers.shape
    columns = covers.tocsc()
    start, index = [0], []
    value: list[float] = []
    for group in range(groups):  # covered[group] - sum of its sites <= 0
        sites = columns.indices[columns.indptr[group] : columns.indptr[group + 1]]
        index += [candidates + group, *sites.tolist()]
        value += [1.0, *([-1.0] * len(sites))]
        start.append(len(index))
    index += list(range(candidates))
    value += [1.0] * candidates
    start.append(len(index))
    inf = highspy.kHighsInf
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = candidates + groups, groups + 1
    model.col_cost_ = np.concatenate((np.zeros(candidates), weight))
    model.col_lower_, model.col_upper_ = np.zeros(candidates + groups), np.ones(candidates + groups)
    model.row_lower_ = np.concatenate((np.full(groups, -inf), [-inf]))
    model.row_upper_ = np.concatenate((np.zeros(groups), [float(choose)]))
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_, model.a_matrix_.index_ = np.array(start, dtype=np.int32), np.array(index, dtype=np.int32)
    model.a_matrix_.value_ = np.array(value)
    model.integrality_ = [highspy.HighsVarType.kInteger] * candidates + [highspy.HighsVarType.kContinuous] * groups
    model.sense_ = highspy.ObjSense.kMaximize
    return _solve(model, candidates)


def _solve(model: highspy.HighsLp, candidates: int) -> Choice:
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, setting in (
        ("output_flag", False),
        ("threads", 1),
        ("random_seed", 0),
        ("mip_rel_gap", 0.0),
        ("mip_abs_gap", 1e-6),
        ("mip_max_nodes", NODES_MOST),
    ):
        solver.setOptionValue(option, setting)
    solver.passModel(model)
    solver.run()
    status = solver.getModelStatus()
    info = solver.getInfo()
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        raise InternalError(problem("flow.no_optimum", status=solver.modelStatusToString(status)))
    chosen = np.array(solver.getSolution().col_value[:candidates])
    proved = status == highspy.HighsModelStatus.kOptimal
    return Choice(np.flatnonzero(chosen > 0.5).astype(np.int64), 0.0 if proved else float(info.mip_gap))

"""Which villages and neighbourhoods a county's services do not reach, and where the next sites should go."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from servicecircle.analysis.evaluate import evaluate
    from servicecircle.flow import check, explain, run
    from servicecircle.study import load_study

__version__ = "0.1.0"
__all__ = ["__version__", "check", "evaluate", "explain", "load_study", "run"]

_HOMES = {
    "load_study": "servicecircle.study",
    "run": "servicecircle.flow",
    "check": "servicecircle.flow",
    "explain": "servicecircle.flow",
    "evaluate": "servicecircle.analysis.evaluate",
}


def __getattr__(name: str) -> Any:
    """Load a public function when it is first used: importing the package stays light."""
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)

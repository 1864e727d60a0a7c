"""A first study file for a folder of data: every guess explained, every doubt a question."""

from __future__ import annotations

from servicecircle.starter.start import Start, start

__all__ = ["Start", "start"]

"""The table ``[ranges]`` of the study file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from servicecircle.study.base import Section


class Ranges(Section):
    """How far each figure depends on what no plan prints: one thing changed at a time (``ranges.csv``)."""

    enabled: bool = True
    """Whether the ranges are computed."""
    speed_share: float = Field(default=0.15, gt=0, le=0.9)
    """All speeds of a mode, slower and faster by this share; seconds at doors and junctions stay."""
    access_speed: tuple[Annotated[float, Field(gt=0, le=10)], ...] = Field(default=(0.5, 1.5), max_length=6)
    """Factors on the speed of access legs."""
    access_limit_m: tuple[Annotated[float, Field(gt=0, le=5000)], ...] = Field(default=(500.0, 2000.0), max_length=6)
    """Other longest access legs and straight walks in metres."""

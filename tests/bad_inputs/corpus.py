"""All cases: importing this module enters them."""

from __future__ import annotations

from tests.bad_inputs import layers, people, roads, tables

__all__ = ["layers", "people", "roads", "tables"]

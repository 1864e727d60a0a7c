"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"


def missing(reason: str) -> None:
    """Skip a test for want of something; with SERVICECIRCLE_ALL=1 that is a failure."""
    if os.environ.get("SERVICECIRCLE_ALL") == "1":
        pytest.fail(f"SERVICECIRCLE_ALL=1 and {reason}")
    pytest.skip(f"LEFT OUT: {reason}")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data beside the project."""
    if not SHARED.is_dir():
        missing(f"the real data at {SHARED} is absent")
    return SHARED

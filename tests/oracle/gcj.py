"""Coordinates of Chinese map services back to WGS 84, by the public formula and a fixed point."""

from __future__ import annotations

import numpy as np

AXIS_M, ECCENTRICITY2 = 6378245.0, 0.00669342162296594323
ROUNDS = 30


def _wave(x: np.ndarray, *terms: tuple[float, float]) -> np.ndarray:
    return sum((size * np.sin(x * turn * np.pi) for size, turn in terms), np.zeros_like(x)) * 2.0 / 3.0


def shift(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Degrees by which the map services move a WGS 84 place."""
    x, y = lon - 105.0, lat - 35.0
    common = _wave(x, (20.0, 6.0), (20.0, 2.0))
    north = -100.0 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x)) + common
    north = north + _wave(y, (20.0, 1.0), (40.0, 1 / 3), (160.0, 1 / 12), (320.0, 1 / 30))
    east = 300.0 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x)) + common
    east = east + _wave(x, (20.0, 1.0), (40.0, 1 / 3), (150.0, 1 / 12), (300.0, 1 / 30))
    angle = np.radians(lat)
    w2 = 1 - ECCENTRICITY2 * np.sin(angle) ** 2
    metres_north = AXIS_M * (1 - ECCENTRICITY2) / (w2 * np.sqrt(w2))
    metres_east = AXIS_M / np.sqrt(w2) * np.cos(angle)
    return np.degrees(east / metres_east), np.degrees(north / metres_north)


def to_gcj02(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """WGS 84 to GCJ-02, inside China."""
    d_lon, d_lat = shift(lon, lat)
    return lon + d_lon, lat + d_lat


def from_gcj02(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """GCJ-02 to WGS 84, inside China."""
    lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    at_lon, at_lat = lon.copy(), lat.copy()
    for _ in range(ROUNDS):
        d_lon, d_lat = shift(at_lon, at_lat)
        at_lon, at_lat = lon - d_lon, lat - d_lat
    return at_lon, at_lat

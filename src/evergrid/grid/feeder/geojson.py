"""A feeder as GeoJSON, so that any map program opens what a study found about its buses."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Shaped
from evergrid.grid.feeder.feeder import Feeder


def text(
    feeder: Feeder,
    of_bus: Mapping[str, Shaped[Array, " bus"]],
    of_line: Mapping[str, Shaped[Array, " line"]] | None = None,
) -> str:
    """Buses as points and lines as lines, with properties.

    Coordinates are the feeder's own. They are degrees only where the feeder gives degrees. What
    has no coordinates keeps its properties, with a geometry of null.

    Args:
        feeder: The feeder.
        of_bus: Properties of buses by name; NaN becomes null.
        of_line: Properties of lines by name.

    Source:
        RFC 7946 (2016), The GeoJSON format, section 3.2 for features without a place.
    """
    buses, lines = feeder.buses, feeder.lines
    placed = np.isfinite(buses.x) & np.isfinite(buses.y)
    at = np.column_stack([buses.x, buses.y])
    features = [
        _feature(_geometry("Point", at[i], bool(placed[i])), str(buses.name[i]), of_bus, i)
        for i in range(len(buses.name))
    ]
    features += [
        _feature(
            _geometry("LineString", at[ends], bool(placed[ends].all())), name, of_line or {}, i
        )
        for i, (ends, name) in enumerate(zip(lines.bus, map(str, lines.name), strict=True))
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, allow_nan=False) + "\n"


def _geometry(kind: str, at: Shaped[Array, "*point 2"], placed: bool) -> dict[str, Any] | None:
    """A point or a line; None where it has no place."""
    return {"type": kind, "coordinates": at.tolist()} if placed else None


def _feature(
    geometry: dict[str, Any] | None,
    name: str,
    columns: Mapping[str, Shaped[Array, " row"]],
    row: int,
) -> dict[str, Any]:
    found = {key: _plain(values[row]) for key, values in columns.items()}
    return {"type": "Feature", "geometry": geometry, "properties": {"name": name, **found}}


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not np.isfinite(value) else value

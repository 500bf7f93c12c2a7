"""A feeder as GeoJSON, so that any map program opens what a study found about its buses."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Shaped
from evergrid.grid.feeder import Feeder


def text(
    feeder: Feeder,
    of_bus: Mapping[str, Shaped[Array, " bus"]],
    of_line: Mapping[str, Shaped[Array, " line"]] | None = None,
) -> str:
    """Buses as points and lines as lines, with properties; those without coordinates left out.

    Coordinates are the feeder's own. They are degrees only where the feeder gives degrees.

    Args:
        feeder: The feeder.
        of_bus: Properties of buses by name; NaN becomes null.
        of_line: Properties of lines by name.
    """
    buses, lines = feeder.buses, feeder.lines
    placed = np.isfinite(buses.x) & np.isfinite(buses.y)
    at = np.column_stack([buses.x, buses.y])
    features = [
        _feature("Point", at[i].tolist(), str(buses.name[i]), of_bus, i)
        for i in np.flatnonzero(placed).tolist()
    ]
    drawn = np.flatnonzero(placed[lines.bus].all(axis=1)).tolist()
    features += [
        _feature("LineString", at[lines.bus[i]].tolist(), str(lines.name[i]), of_line or {}, i)
        for i in drawn
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, allow_nan=False) + "\n"


def _feature(
    kind: str,
    at: list[Any],
    name: str,
    columns: Mapping[str, Shaped[Array, " row"]],
    row: int,
) -> dict[str, Any]:
    found = {key: _plain(values[row]) for key, values in columns.items()}
    geometry = {"type": kind, "coordinates": at}
    return {"type": "Feature", "geometry": geometry, "properties": {"name": name, **found}}


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not np.isfinite(value) else value

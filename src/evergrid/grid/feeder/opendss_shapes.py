"""The feeder's own load over a day, as the load shapes of its OpenDSS files tell."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.grid.feeder.feeder import Branches
from evergrid.grid.feeder.isolation.process import apart
from evergrid.grid.feeder.opendss import opened


@apart()
def day_shares(
    path: Path, branches: Branches, *, step_h: float, commands: Sequence[str] = ()
) -> Float[Array, "branch step"]:
    """The feeder's own load shapes over a day: share of each branch's load at each step.

    A load's yearly shape is read from its beginning, or its daily shape; one without any is
    always on.

    Args:
        path: The feeder's master file.
        branches: Branches of its loads.
        step_h: Length of a step; divides a day.
        commands: Further OpenDSS commands after compiling.
    """
    circuit = opened(path, commands).ActiveCircuit
    steps = round(24 / step_h)
    found: dict[str, Float[Array, " step"]] = {}
    for name in dict.fromkeys(str(name) for name in branches.name[branches.is_load]):
        circuit.Loads.Name = name
        shape = circuit.Loads.Yearly or circuit.Loads.daily
        found[name] = _shape(circuit, shape, steps, step_h) if shape else np.ones(steps)
    always = np.ones(steps)
    pairs = zip(branches.name, branches.is_load, strict=True)
    return np.array([found[str(name)] if load else always for name, load in pairs])


def _shape(circuit: Any, name: str, steps: int, step_h: float) -> Float[Array, " step"]:
    """Mean of a load shape over each step of a day."""
    shapes = circuit.LoadShapes
    shapes.Name = name
    values, spacing_h = np.asarray(shapes.Pmult, dtype=float), shapes.HrInterval
    ends = np.arange(len(values) + 1) * spacing_h
    total = np.concatenate([[0.0], np.cumsum(values) * spacing_h])
    edges = np.arange(steps + 1) * step_h
    reach = ends[-1]
    whole = np.floor(edges / reach)
    return np.diff(whole * total[-1] + np.interp(edges - whole * reach, ends, total)) / step_h

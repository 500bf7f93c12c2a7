# Plotly's properties have no usable types.
# pyright: reportAttributeAccessIssue=false

import numpy as np

from evergrid.core.arrays import Array
from evergrid.core.timegrid import TimeGrid
from evergrid.report.figures import generation


def test_curtailed_lies_between_what_is_used_and_what_could_be_generated(
    grid: TimeGrid, power_kw: Array
) -> None:
    made = np.abs(power_kw) + 1.0
    figure = generation(grid, made, 0.25 * made, 0.5 * made)
    used, could, load = (trace.y for trace in figure.data)
    assert [trace.name for trace in figure.data] == ["Used", "Curtailed", "Load"]
    np.testing.assert_allclose(used, 0.75 * could)
    np.testing.assert_allclose(load, 0.5 * could)
    assert [trace.fill for trace in figure.data] == ["tozeroy", "tonexty", None]

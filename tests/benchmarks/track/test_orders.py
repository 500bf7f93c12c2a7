"""Later orders, more that are lost and coarser steps never score notably better."""

import numpy as np

from benchmarks.track import orders


def test_every_setting_has_its_score_and_late_orders_score_less() -> None:
    signal = np.sin(np.arange(1800) / 40.0)
    found = orders.scores(signal, 3)
    assert len(found) == 27
    prompt, late = found[0.2, 0.0, 0.1][0], found[5.0, 0.0, 0.1][0]
    assert late < prompt - 0.01
    assert found[0.2, 0.3, 0.1][0] < prompt
    assert found[0.2, 0.0, 8.0][0] < prompt
    assert len(orders.table(found)) == 11

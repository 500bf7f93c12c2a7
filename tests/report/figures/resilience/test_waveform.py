# Plotly's properties have no usable types.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

import numpy as np
import pytest

from evergrid.report.figures import EnergisationRun, core_flux, inrush_current, rising_voltage

TIME_S = np.arange(10_001) * 2e-5
WAVES = np.sin(377 * TIME_S - 2.094 * np.arange(3)[:, None])


def runs(hostile: str) -> list[EnergisationRun]:
    return [
        EnergisationRun(hostile, TIME_S, 300 * WAVES, 1.4 * WAVES),
        EnergisationRun("soft", TIME_S, 3 * WAVES, WAVES),
    ]


def test_the_voltage_is_shown_whole_and_at_its_end():
    figure = rising_voltage(TIME_S, 400 * WAVES, nominal_peak_v=392.0, nominal_hz=60.0)
    lines = [trace for trace in figure.data if trace.name.startswith("phase")]
    assert len(lines) == 6
    assert max(len(line.x) for line in lines) <= 6000
    assert lines[0].x[0] == 0.0
    assert lines[3].x[0] == pytest.approx(150.0, abs=0.05)  # three cycles before the end, in ms
    assert figure.layout.yaxis.range == pytest.approx((-432.0, 432.0), rel=1e-3)
    shown = [trace.name for trace in figure.data if trace.showlegend]
    assert shown == ["phase a", "phase b", "phase c", "nominal amplitude"]


def test_both_ways_to_energise_stand_on_one_scale(hostile: str):
    figure = inrush_current(runs(hostile), rated_peak_a=212.0)
    assert figure.layout.yaxis.range == figure.layout.yaxis2.range
    assert figure.layout.yaxis.range[1] == pytest.approx(1.08 * 300, rel=1e-3)
    headings = [note.text for note in figure.layout.annotations]
    assert headings[0].endswith("at most 300 A")
    assert headings[1] == "soft: at most 3 A"
    assert "<script" not in headings[0]
    assert figure.layout.xaxis2.matches == "x"


def test_the_knee_is_in_sight_where_no_core_reaches_it(hostile: str):
    figure = core_flux(runs(hostile)[1:] * 2, knee_pu=1.17)
    levels = [trace.y[0] for trace in figure.data if trace.name == "knee"]
    assert levels == [1.17, -1.17, 1.17, -1.17]
    assert figure.layout.yaxis.range[1] > 1.17
    assert [trace.name for trace in figure.data if trace.showlegend][-1] == "knee"

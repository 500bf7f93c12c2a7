# Plotly's properties have no usable types.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

import numpy as np
import pytest

from evergrid.report.figures import droop_response, loop_gains, scr_curve
from evergrid.report.figures.grid.feeder import feeder_map

NAMES = np.array(["near", "far", "dead"], dtype=object)
SCR = np.array([40.0, 2.0, np.nan])


def test_buses_stand_from_the_weakest_and_those_not_judged_are_left_out():
    figure = scr_curve(NAMES, SCR, np.array([3.0, 0.5, np.nan]), weak_scr=3.0, rating_kva=10.0)
    buses, weak = figure.data
    assert list(buses.y) == [2.0, 40.0]
    assert buses.customdata[0] == "far: SCR 2, X/R 0.5"
    assert list(weak.y) == [3.0, 3.0]
    assert "10 kVA" in figure.layout.title.subtitle.text


def test_gains_stand_by_size_and_what_is_left_out_is_said(hostile: str):
    names = np.array([hostile, *(f"n{i}" for i in range(49))], dtype=object)
    gain = np.linspace(2.0, 0.1, 50)
    figure = loop_gains(names, gain / 2, gain, stable_gain=1.2, most_gain=0.6)
    alone, others, *levels = figure.data
    assert len(alone.y) == 40
    assert list(others.y) == sorted(gain, reverse=True)[:40]
    assert [level.y[0] for level in levels] == [1.2, 0.6]
    assert "10 with the lowest" in figure.layout.title.subtitle.text
    assert "<script" not in figure.layout.xaxis.ticktext[0]


def test_each_setting_has_its_line(hostile: str):
    time = np.arange(3.0)
    figure = droop_response(time, {"asked": time, "advised": 1 - time}, name=hostile)
    assert [trace.name for trace in figure.data] == ["asked", "advised"]
    assert "<script" not in figure.layout.title.text
    assert "(s)" in figure.layout.xaxis.title.text


def test_a_map_far_from_zero_fills_its_sheet():
    x, y = np.array([390_000.0, 390_100.0, np.nan]), np.array([392_000.0, 392_050.0, np.nan])
    ends = np.array([[0, 1], [1, 2]])
    figure = feeder_map(x, y, ends, SCR, NAMES, title="map", unit="SCR", colors=("#000", "#fff"))
    assert figure.layout.xaxis.range == pytest.approx((389_994, 390_106))
    assert figure.layout.yaxis.range == pytest.approx((391_994, 392_056))
    assert len(figure.data[2].x) == 2
    assert list(figure.data[2].marker.colorscale[0]) == [0.0, "#000"]

# Plotly's properties have no usable types.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.core.timegrid import TimeGrid
from evergrid.report.figures import SiteRun, site_heatmap, site_loading


@pytest.fixture
def site(power_kw: Array) -> SiteRun:
    return SiteRun("depot", power_kw, 60.0, 80.0, np.where(power_kw < 0, 12.0, 0.0))


def test_import_is_below_zero_and_so_is_its_limit(grid: TimeGrid, site: SiteRun):
    figure = site_loading(grid, site, currency="EUR")
    drawn = {trace.name: trace.y for trace in figure.data}
    assert drawn["Import limit"][0] == -60
    assert drawn["Export limit"][0] == 80
    assert drawn["Power"].min() == -40
    assert figure.layout.yaxis.range[0] < -60


def test_limits_that_are_infinite_are_left_out_and_named(grid: TimeGrid, site: SiteRun):
    for export_kw, import_kw, names, said in (
        (np.inf, 60.0, ["Import limit"], "No export limit"),
        (80.0, np.inf, ["Export limit"], "No import limit"),
        (np.inf, np.inf, [], "No limit"),
    ):
        run = replace(site, export_limit_kw=export_kw, import_limit_kw=import_kw)
        figure = site_loading(grid, run, currency="EUR")
        assert [trace.name for trace in figure.data if "limit" in trace.name] == names
        assert said in figure.layout.title.subtitle.text
        assert "Infinity" not in str(figure.to_json())


def test_a_limit_that_holds_for_some_steps_has_gaps(grid: TimeGrid, site: SiteRun):
    limit_kw = np.where(np.arange(grid.steps) < 10, 50.0, np.inf)
    figure = site_loading(grid, replace(site, import_limit_kw=limit_kw), currency="EUR")
    drawn = {trace.name: trace.y for trace in figure.data}["Import limit"]
    assert drawn[9] == -50
    assert np.isnan(drawn[10])


def test_axes_name_their_units(grid: TimeGrid, site: SiteRun):
    layout = site_loading(grid, site, currency="USD", time_zone="America/New_York").layout
    assert "(kW)" in layout.yaxis.title.text
    assert "(USD/MWh)" in layout.yaxis2.title.text
    assert "America/New_York" in layout.xaxis.title.text


def test_site_names_are_literal(grid: TimeGrid, site: SiteRun, power_kw: Array, hostile: str):
    loading = power_kw[None] / 80
    for figure in (
        site_loading(grid, replace(site, site_id=hostile), currency="EUR"),
        site_heatmap(grid, [hostile], loading),
    ):
        assert "<script" not in figure.to_json().replace("\\u003c", "<")
        assert "<img" not in figure.to_json().replace("\\u003c", "<")


def test_the_most_loaded_site_is_on_top(grid: TimeGrid):
    loading = np.outer([0.2, -0.9, 0.5], np.ones(grid.steps))
    (trace,) = site_heatmap(grid, ["low", "high", "middle"], loading).data
    assert list(trace.y) == ["low", "middle", "high"]  # from below
    np.testing.assert_allclose(trace.z[:, 0], [20, 50, -90])


def test_among_sites_at_their_limit_those_that_are_longest_near_it_come_first(grid: TimeGrid):
    busy, brief = np.full(grid.steps, -0.9), np.full(grid.steps, -0.1)
    busy[0], brief[0] = -0.9999, -1.0
    (trace,) = site_heatmap(grid, ["brief", "busy"], np.stack([brief, busy])).data
    assert list(trace.y) == ["brief", "busy"]  # from below


def test_names_that_look_like_dates_or_numbers_stay_names(grid: TimeGrid):
    figure = site_heatmap(grid, ["2022-07-04", "12"], np.ones((2, grid.steps)))
    assert figure.layout.yaxis.type == "category"


def test_sites_without_a_limit_are_blank(grid: TimeGrid):
    loading = np.stack([np.full(grid.steps, np.nan), np.ones(grid.steps)])
    (trace,) = site_heatmap(grid, ["free", "tight"], loading).data
    assert np.isnan(trace.z[0]).all()
    assert site_heatmap(grid, ["free"], loading[:1]).data[0].z.shape == (1, grid.steps)


def test_overloading_widens_the_scale(grid: TimeGrid):
    figure = site_heatmap(grid, ["over"], np.full((1, grid.steps), -1.3))
    assert figure.layout.coloraxis.cmin == pytest.approx(-130, rel=1e-6)


def test_many_sites_show_the_most_loaded_and_the_title_says_so():
    grid = TimeGrid(datetime(2022, 7, 4, tzinfo=UTC), 0.25, 2880)
    loading = np.linspace(0, 1, 1000)[:, None] * np.ones(grid.steps)
    figure = site_heatmap(grid, [f"site-{i}" for i in range(1000)], loading)
    assert len(figure.data[0].y) == 200
    assert figure.data[0].y[-1] == "site-999"
    assert "the 200 most loaded of 1,000 sites" in figure.layout.title.text
    assert "One point stands for 4 steps" in figure.layout.title.subtitle.text
    assert len(str(figure.to_json())) < 1_000_000
    assert len(figure.layout.yaxis.tickvals) <= 40


def test_no_site_says_so(grid: TimeGrid):
    figure = site_heatmap(grid, [], np.zeros((0, grid.steps)))
    assert figure.layout.annotations[0].text == "There are no sites."


def test_one_name_per_row_is_required(grid: TimeGrid):
    with pytest.raises(InputError, match="name each row"):
        site_heatmap(grid, ["a", "b"], np.zeros((1, grid.steps)))

# Plotly's properties have no usable types.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false, reportArgumentType=false

from datetime import UTC, datetime

import numpy as np

from evergrid.core.timegrid import TimeGrid
from evergrid.report.figures import level_loading

DEPTH = np.array([0, 1, 1, 2, 2, 2])


def test_each_level_has_a_panel_with_its_number_of_sites(grid: TimeGrid):
    loading = np.linspace(-0.9, 0.5, 6)[:, None] * np.ones(grid.steps)
    layout = level_loading(grid, DEPTH, loading).layout
    assert layout.yaxis.title.text.startswith("Level 1, 1 site<br>")
    assert layout.yaxis3.title.text.startswith("Level 3, 3 sites<br>")
    assert "(% of limit)" in layout.yaxis2.title.text


def test_the_band_holds_nine_sites_of_ten_and_the_middle_one_halves_them(grid: TimeGrid):
    loading = np.random.default_rng(1).uniform(-1, 1, (101, grid.steps))
    figure = level_loading(grid, np.zeros(101, int), loading)
    drawn = {trace.name: trace.y[:-1] for trace in figure.data}
    np.testing.assert_allclose(drawn["Middle site"], np.median(100 * loading, axis=0))
    # Of 101 sites the sixth from either end is a percentile of 5 or 95 %.
    ranked = 100 * np.sort(loading, axis=0)
    np.testing.assert_allclose(drawn["Lowest of the band"], ranked[5])
    np.testing.assert_allclose(drawn["Most sites"], ranked[-6])
    assert "The band holds 90 % of a level's sites" in str(figure.to_json()).replace("<br>", " ")


def test_levels_without_a_limit_are_left_out_and_open_directions_count_as_idle(grid: TimeGrid):
    loading = np.full((6, grid.steps), np.nan)
    loading[3:, ::2] = -0.8  # no export limit: no number while feeding
    figure = level_loading(grid, DEPTH, loading)
    assert figure.layout.yaxis.title.text.startswith("Level 3")
    middle = next(trace for trace in figure.data if trace.name == "Middle site")
    np.testing.assert_allclose(middle.y[:2], [-80.0, 0.0])
    empty = level_loading(grid, DEPTH, np.full((6, grid.steps), np.nan))
    assert empty.layout.annotations[0].text == "No site has a limit."


def test_thousands_of_sites_over_a_month_stay_small():
    grid = TimeGrid(datetime(2022, 7, 4, tzinfo=UTC), 0.25, 2880)
    depth = np.minimum(np.arange(1000), 7)
    figure = level_loading(grid, depth, np.ones((1000, grid.steps)))
    assert len(list(figure.data)) == 5 * 5
    assert len(str(figure.to_json())) < 1_500_000

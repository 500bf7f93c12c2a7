"""The last hours of each station are kept, in the order of time, and no more than that."""

import numpy as np

from evergrid.live import station_series
from evergrid.live.devices.adapter import MeterReading
from evergrid.live.station_series import SAMPLE_S, SAMPLES, StationSeries
from evergrid.live.view import Series
from tests.live.controller_cases import HOUR_S, START_S, Run, service_view


def sampled(kept: StationSeries, time_s: float, *kw: float) -> None:
    kept.sample(time_s, *(np.array([value, np.nan]) for value in kw))


def test_samples_come_back_in_order_and_nothing_where_there_is_none():
    kept = StationSeries(2)
    assert kept.of(0) == Series((), {})
    sampled(kept, 100.0, np.nan, np.nan, np.nan)
    sampled(kept, 100.0 + SAMPLE_S, 5.0, np.nan, np.nan)
    sampled(kept, 101.0 + SAMPLE_S, 9.0, 9.0, 9.0)  # too soon
    sampled(kept, 100.0 + 2 * SAMPLE_S, 5.0, 5.0, -1.25)
    found = kept.of(0)
    assert found.time_s == (100.0 + SAMPLE_S, 100.0 + 2 * SAMPLE_S)
    assert found.values == {
        "ordered_kw": (5.0, 5.0),
        "accepted_kw": (None, 5.0),
        "measured_kw": (None, -1.25),
    }
    assert kept.of(1) == Series((), {})


def test_the_oldest_samples_give_way_and_memory_does_not_grow():
    kept = StationSeries(2)
    size = kept._kw.nbytes
    for number in range(SAMPLES + 50):
        sampled(kept, number * SAMPLE_S, float(number), 0.0, 0.0)
    found = kept.of(0)
    assert len(found.time_s) == SAMPLES
    assert found.values["ordered_kw"][0] == 50.0
    assert found.values["ordered_kw"][-1] == SAMPLES + 49.0
    assert list(found.time_s) == sorted(found.time_s)
    assert kept._kw.nbytes == size
    assert StationSeries(1000)._kw.nbytes < 6e6


def test_the_view_has_each_stations_power_and_the_score_of_the_last_award_period():
    async def scenario(run: Run) -> None:
        for station in range(3):
            await run.plug_in(station)
        await run.until(2 * HOUR_S + 1000.0)
        run.controller.metering.take(
            "s0",
            run.controller.transactions["s0"],
            (MeterReading(run.clock.now_s(), 1.0),),
            live=True,
        )

    run = Run(4, signal=lambda wall_s: 0.5 * np.sin(wall_s / 60.0))
    run.go(scenario)
    view = service_view(run)
    series, empty = view.station_series("s0"), view.station_series("s3")
    assert series is not None
    assert empty is not None
    assert empty.time_s == ()
    assert view.station_series("s9") is None
    assert len(series.time_s) > 200
    assert series.time_s[0] >= START_S
    np.testing.assert_allclose(np.diff(series.time_s), station_series.SAMPLE_S)
    measured = [one for one in series.values["measured_kw"] if one is not None]
    assert max(measured) - min(measured) > 1.0
    assert run.ticker.awards is not None
    scores = view.series(10).values["score"]
    assert scores[-1] == run.ticker.awards.blocks[1].score
    assert view.series(5000).values["score"][0] is None

"""A record played against vehicles: who answers, what it moves, and what a promise cuts."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.data.signals import FrequencyColumns, read_frequency
from evergrid.markets.rules import frequency_response
from evergrid.markets.signal_statistics import statistics
from evergrid.model.session import Sessions
from evergrid.model.time_series.frequency import FrequencyRecord
from evergrid.resilience.frequency.parked import Chargers, chargers_of, parked, parts_kw, spread
from evergrid.resilience.frequency.playback import Award, Playback, play
from evergrid.resilience.frequency.response import Control
from tests.markets.test_frequency_response import TOLEDO, needs_data

START = np.datetime64("2025-01-14T12:00:00", "us")
FCR = frequency_response.FCR.due
RANGE_HZ = (47.5, 51.5)
QUICK = Control(lag_s=0.02)


def sessions(count: int = 200, **columns: float) -> Sessions:
    """Alike cars that came an hour before and leave after 8 h, full enough to go at once."""
    given = {
        "capacity_kwh": 60.0,
        "energy_arrival_kwh": 36.0,
        "energy_departure_kwh": 30.0,
        "energy_reserve_kwh": 12.0,
        "max_charge_kw": 11.0,
        "max_discharge_kw": 11.0,
        "efficiency_charge": 0.9,
        "efficiency_discharge": 0.9,
        "wear_cost_per_kwh": 0.0,
        "leaves_h": 8.0,
    } | columns
    leaves = np.timedelta64(round(given.pop("leaves_h") * 3600), "s")
    names = np.array([f"car-{i}" for i in range(count)], dtype=object)
    return Sessions(
        session_id=names,
        asset_id=names,
        site_id=np.full(count, "site", dtype=object),
        arrival_utc=np.full(count, START - np.timedelta64(1, "h")),
        departure_utc=np.full(count, START + leaves),
        **{name: np.full(count, value) for name, value in given.items()},
    )


def record(deviation_hz: Float[Array, " tick"], tick_s: float = 2.0) -> FrequencyRecord:
    return FrequencyRecord(
        START, tick_s, 50.0, 50.0 + deviation_hz, np.zeros(len(deviation_hz), bool)
    )


def award(
    *, share: float = 0.8, block_h: float = 1.0, hours: float = 0.25, down: bool = True
) -> Award:
    return Award(share=share, block_h=block_h, hours=hours, up=True, down=down)


def played(
    deviation_hz: Float[Array, " tick"],
    of: Sessions | None = None,
    promised: Award | None = None,
    control: Control = QUICK,
) -> Playback:
    of = of or sessions()
    given = record(np.asarray(deviation_hz, float))
    chargers = chargers_of(of)
    return play(given, of, chargers, FCR, promised or award(), control, connected_hz=RANGE_HZ)


def test_the_fleet_gives_what_is_due_though_each_charger_has_whole_amperes() -> None:
    for deviation in (-0.2, -0.1, -0.03, 0.03, 0.1, 0.2):
        went = played(np.full(30, deviation))
        assert went.due_kw[-1] == pytest.approx(-went.award_kw[-1] * deviation / 0.2)
        assert went.delivered_kw[-1] == pytest.approx(went.due_kw[-1], rel=0.04)


def test_chargers_that_round_alike_step_together() -> None:
    slow = np.linspace(0.0, -0.2, 300)
    apart = played(slow)
    together = played(slow, control=replace(QUICK, spread=False))
    steps = [
        np.abs(np.diff(went.delivered_kw)).max() / went.award_kw[0] for went in (apart, together)
    ]
    assert steps[0] < 0.08  # but for the edge of the dead band, of which 5 % are due at once
    assert steps[1] > 0.3


def test_energy_moved_is_energy_delivered() -> None:
    rng = np.random.default_rng(1)
    went = played(rng.normal(0.0, 0.05, 900))
    hours = went.record.tick_s / 3600.0
    assert went.fed_kwh.sum() - went.taken_kwh.sum() == pytest.approx(
        went.delivered_kw.sum() * hours
    )
    assert went.energy_delivered_mwh[-1] == pytest.approx(went.delivered_kw.sum() * hours / 1000.0)
    out = went.fed_kwh / 0.9 - went.taken_kwh * 0.9  # these cars have nothing to charge
    assert 36.0 - went.energy_kwh == pytest.approx(out, abs=1e-9)


def test_a_promise_goes_before_an_order() -> None:
    """Just in time to be full: first it may feed, then it must charge at full power to the end."""
    of = sessions(energy_arrival_kwh=20.0, energy_departure_kwh=40.0, leaves_h=2.0)
    went = played(np.full(3700, -0.2), of, award(block_h=2.0, share=1.0, down=False))
    assert went.shortfall_kwh.max() == pytest.approx(0.0, abs=0.02)
    assert (went.cut_s > 0).all()
    assert went.missing_kw[0].max() > 0.5 * went.award_kw[0]
    held = went.delivered_kw[:440]  # for the 15 minutes that were promised all of it is there
    assert held.min() > 0.95 * went.award_kw[0] - 1e-9


def test_an_empty_battery_gives_nothing_and_a_full_one_takes_nothing() -> None:
    low = sessions(energy_arrival_kwh=15.0, energy_departure_kwh=12.0)
    went = played(np.full(3600, -0.2), low, award(block_h=2.0))
    assert went.energy_kwh.min() >= 12.0 - 11.0 / 0.9 * 2 / 3600 - 1e-9
    assert went.missing_kw[1][-1] > 0
    high = sessions(energy_arrival_kwh=57.0)
    went = played(np.full(3600, 0.2), high, award(block_h=2.0))
    assert went.energy_kwh.max() <= 60.0
    assert went.missing_kw[1][-1] > 0


@pytest.mark.parametrize("deviation", [-0.2, 0.2])
@pytest.mark.parametrize("energy", [14.0, 25.0, 40.0, 59.0])
@pytest.mark.parametrize("owed", [12.0, 30.0, 59.0])
def test_what_is_held_lasts_for_the_hours_promised(
    deviation: float, energy: float, owed: float
) -> None:
    of = sessions(20, energy_arrival_kwh=energy, energy_departure_kwh=owed, leaves_h=7.0)
    went = played(np.full(449, deviation), of, award(share=1.0))
    if went.award_kw[0] > 0:
        assert went.missing_kw.sum() == pytest.approx(0.0, abs=1e-6)


def test_a_vehicle_that_leaves_before_the_block_ends_holds_nothing() -> None:
    assert played(np.zeros(5), sessions(leaves_h=0.9)).award_kw[0] == 0.0
    assert played(np.zeros(5), sessions(leaves_h=1.0)).award_kw[0] > 0.0


def test_the_last_reading_stands_for_ten_seconds_and_then_nothing_is_done() -> None:
    deviation = np.concatenate([np.full(5, -0.1), np.full(10, np.nan), np.full(5, -0.1)])
    went = played(deviation)
    assert went.share == pytest.approx([0.5] * 10 + [0.0] * 5 + [0.5] * 5)


def test_an_answer_is_late_by_its_delay_and_no_faster_than_its_ramp() -> None:
    deviation = np.concatenate([np.zeros(10), np.full(30, -0.2)])
    went = played(deviation, control=Control(delay_s=4.0, lag_s=0.02, full_s=20.0))
    assert went.share[:12] == pytest.approx(0.0)
    assert went.share[12] == 1.0
    rise = np.diff(went.delivered_kw)
    assert rise.max() <= 1.2 * went.award_kw[0] * 2.0 / 20.0
    assert went.delivered_kw[-1] == pytest.approx(went.award_kw[0], rel=0.03)


def test_playing_ends_where_chargers_disconnect_or_the_bus_is_dead() -> None:
    deviation = np.array([0.0, 0.0, -1.0, -2.6, 0.0])
    assert len(played(deviation).share) == 3
    assert played(deviation).ended == "disconnected"
    dead = replace(record(deviation), dead=np.array([False, False, True, True, False]))
    of = sessions()
    went = play(dead, of, chargers_of(of), FCR, award(), QUICK, connected_hz=RANGE_HZ)
    assert (len(went.share), went.ended) == (2, "dead")
    with pytest.raises(InputError, match="begin within"):
        played(np.array([-3.0, 0.0, 0.0, 0.0, 0.0]))


def test_an_award_out_of_range_is_refused() -> None:
    for field, bad in (
        ("share", lambda: award(share=0.0)),
        ("share", lambda: award(share=1.2)),
        ("hours", lambda: award(hours=-1.0)),
        ("block_h", lambda: award(block_h=0.0)),
    ):
        with pytest.raises(InputError, match=field):
            bad()


# -- who is parked --------------------------------------------------------------------------


def chargers() -> Chargers:
    return chargers_of(sessions(1000))


def test_nameplates_are_whole_amperes() -> None:
    for rating, steps, step_kw in (
        (11.0, 16, 0.69),
        (7.4, 32, 0.23),
        (3.7, 16, 0.23),
        (22.0, 32, 0.69),
    ):
        found = chargers_of(sessions(1, max_charge_kw=rating, max_discharge_kw=rating))
        assert found.charge_kw[0] == pytest.approx(steps * step_kw)


def test_a_charger_sets_nothing_or_six_amperes_at_least() -> None:
    of = spread(chargers(), np.arange(1000))
    for wanted in (-11.04, -5.0, -1.0, 0.0, 0.3, 3.0, 8.0, 20.0):
        told = of.settable(np.full(1000, wanted))
        amperes = np.abs(told) / 0.69
        assert np.all((amperes == 0) | (amperes >= 6 - 1e-9))
        assert np.all(amperes <= 16 + 1e-9)
        assert told.mean() == pytest.approx(np.clip(wanted, -11.04, 11.04), abs=0.05)


def test_a_charging_car_can_stop_and_feed_and_an_idle_one_only_feed() -> None:
    charging = sessions(1, energy_departure_kwh=50.0)
    there = parked(charging, chargers_of(charging), START, 0.25)
    assert there.base_kw[0] == pytest.approx(-11.04)
    assert there.up_kw[0] == pytest.approx(22.08)
    assert there.down_kw[0] == 0.0
    idle = sessions(1)
    there = parked(idle, chargers_of(idle), START, 0.25)
    assert (there.base_kw[0], there.up_kw[0], there.down_kw[0]) == pytest.approx((0, 11.04, 11.04))


def test_parts_add_up_to_the_award() -> None:
    of = sessions(10)
    there = parked(of, chargers_of(of), START, 0.25)
    up, down = parts_kw(there, 0.05)
    assert (up.sum(), down.sum()) == pytest.approx((50.0, 50.0))
    assert np.all(up <= there.up_kw)


# -- the record of Toledo -------------------------------------------------------------------


def toledo(path: Path = TOLEDO) -> FrequencyRecord:
    voltages = ("v_l1_v", "v_l2_v", "v_l3_v")
    columns = FrequencyColumns("time_local", "freq_hz", "hz", voltages, "Europe/Madrid")
    return read_frequency(path, 50.0, columns)


@needs_data
def test_the_morning_of_the_blackout_is_answered_until_it_means_nothing() -> None:
    whole = toledo()
    assert str(whole.times[0]) == "2025-04-28T09:00:00.000000"
    assert str(whole.times[whole.alive]) == "2025-04-28T10:33:24.000000"
    assert int(whole.dead.sum()) == 796
    of = replace(
        sessions(),
        arrival_utc=np.full(200, whole.times[0]),
        departure_utc=np.full(200, whole.times[-1]),
    )
    went = play(whole, of, chargers_of(of), FCR, award(block_h=0.25), QUICK, connected_hz=RANGE_HZ)
    assert went.ended == "disconnected"
    assert str(went.record.times[-1]) == "2025-04-28T10:33:20.000000"
    assert went.share[-2:] == pytest.approx([0.49, 1.0], abs=1e-6)
    assert statistics(went.share, 2.0).mean_abs == pytest.approx(0.071, abs=1e-3)
    # Of -0.0054 h to 12:33:24, two readings of 1.0 are not played, and gaps are held: 8 x 0.1 each.
    net = statistics(went.share, 2.0).net_mwh
    assert net == pytest.approx(-0.0054 - 1 * 2 / 3600, abs=6e-4)
    assert went.delivered_kw[-1] == pytest.approx(went.award_kw[-1], rel=0.03)
    assert datetime.fromisoformat(str(went.record.times[-1])[:19]).minute == 33

"""Faults are drawn as often as asked for, one apart from the other."""

import random

import pytest

from evergrid.live.twin.driver import Stay
from evergrid.live.twin.faults import FaultShares, StationBehaviour, Window, behaviour, cut_short

DAY = Window(0.0, 86_400.0)
STAY = Stay("s", "card", 0.0, 10_000.0, 10_000.0, 60.0, 30.0, 50.0, 10.0, True)


def drawn(shares: FaultShares, count: int = 2_000) -> list[StationBehaviour]:
    return [behaviour(shares, DAY, random.Random(number)) for number in range(count)]


def test_without_shares_everybody_behaves():
    assert set(drawn(FaultShares(), 50)) == {StationBehaviour()}


@pytest.mark.parametrize(
    ("share", "field"),
    [
        ("offline", "offline"),
        ("half_open", "half_open"),
        ("lying_meter", "lies"),
        ("refuses", "refuses"),
        ("ignores", "ignores"),
        ("ignores_support", "ignores_support"),
        ("clock_skew", "skew_s"),
        ("slow_answers", "answer_delay_s"),
    ],
)
def test_a_share_is_that_share_and_leaves_the_others_as_they_were(share: str, field: str):
    base = FaultShares(lying_meter=0.5, offline=0.5)
    more = base.model_copy(update={share: 0.3})
    found = drawn(more)
    assert sum(bool(getattr(one, field)) for one in found) / len(found) == pytest.approx(
        0.3, abs=0.04
    )
    for one, before in zip(found, drawn(base), strict=True):
        for other in ("lies", "offline"):
            if other != field:
                assert getattr(one, other) == getattr(before, other)


def test_outages_lie_in_the_day_and_have_a_mean_length():
    windows = [one.offline[0] for one in drawn(FaultShares(offline=1.0, outage_min=10.0))]
    assert all(0.0 <= w.begin_s < w.end_s <= DAY.end_s for w in windows)
    mean_s = sum(w.end_s - w.begin_s for w in windows) / len(windows)
    assert mean_s == pytest.approx(600.0, rel=0.1)


def test_stays_are_cut_short_as_often_as_asked_and_never_below_a_minute():
    shares = FaultShares(unplugs_early=0.4)
    found = [cut_short(STAY, shares, random.Random(number)) for number in range(2_000)]
    early = [stay for stay in found if stay.leaves_s < stay.departure_s]
    assert len(early) / len(found) == pytest.approx(0.4, abs=0.04)
    assert all(stay.leaves_s - stay.arrival_s >= 60.0 for stay in early)
    assert cut_short(STAY, FaultShares(), random.Random(1)) == STAY


def test_a_share_above_one_is_refused():
    with pytest.raises(ValueError, match="less than or equal to 1"):
        FaultShares(offline=1.5)

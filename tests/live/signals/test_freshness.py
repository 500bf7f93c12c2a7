"""A signal is followed while it is fresh, and what is old, repeated or late is not."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.live.signals.freshness import (
    Fallback,
    Freshness,
    FreshnessRules,
    RefusalReason,
    follow,
    take,
)
from evergrid.live.signals.signal import SignalValue

RULES = FreshnessRules(tick_s=2.0, stale_ticks=3, fade_s=60.0)


def value(time_s: float, sequence: int = -1, share: float = 0.5):
    return SignalValue(time_s, sequence, share, "operator")


def taken(known: Freshness, one: SignalValue, now_s: float):
    return take(known, one, now_s, RULES)


def test_before_the_first_value_the_plan_is_followed():
    _, followed = follow(Freshness(), 0.0, RULES)
    assert (followed.share, followed.fallback, followed.age_s) == (0.0, Fallback.PLAN, math.inf)
    assert followed.stale


def test_a_value_is_followed_holds_for_three_ticks_and_fades_to_the_plan():
    known, reason = taken(Freshness(), value(100.0, 0, 0.8), 100.0)
    assert reason is None
    seen = []
    for tick in range(40):
        known, followed = follow(known, 100.0 + 2 * tick, RULES)
        seen.append((round(followed.share, 6), followed.fallback, followed.age_s))
    assert seen[0] == (0.8, Fallback.NONE, 0.0)
    assert [share for share, *_ in seen[:4]] == [0.8] * 4
    assert [fallback for _, fallback, _ in seen[:5]] == [
        *[Fallback.NONE] * 2,
        *[Fallback.HOLD] * 2,
        Fallback.FADE,
    ]
    shares = [share for share, *_ in seen]
    assert all(later <= earlier for earlier, later in pairwise(shares))
    assert seen[-1] == (0.0, Fallback.PLAN, 78.0)
    known, _ = taken(known, value(180.0, 40, -0.3), 180.0)
    _, followed = follow(known, 180.0, RULES)
    assert (followed.share, followed.fallback) == (-0.3, Fallback.NONE)
    assert known.missed == 39


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (value(100.0, 6), RefusalReason.OLDER),
        (value(98.0, 6), RefusalReason.OLDER),
        (value(101.0, 5), RefusalReason.REPEATED),
        (value(101.0, 4), RefusalReason.REPEATED),
        (value(94.9, 6), RefusalReason.LATE),
        (value(103.1, 6), RefusalReason.EARLY),
        (value(math.nan, 6), RefusalReason.NOT_FINITE),
        (value(math.inf, 6), RefusalReason.NOT_FINITE),
    ],
)
def test_old_repeated_late_and_early_values_change_nothing(one: SignalValue, reason: RefusalReason):
    known, first = taken(Freshness(), value(100.0, 5, 0.4), 100.0)
    assert first is None
    after, found = taken(known, one, 101.0)
    assert found is reason
    assert after == known._replace(refused=1)


def test_gaps_in_the_sequence_are_counted():
    known = Freshness()
    for time_s, sequence in ((0.0, 0), (2.0, 1), (8.0, 4), (10.0, 5)):
        known, reason = taken(known, value(time_s, sequence), time_s)
        assert reason is None
    assert known.missed == 2


def test_a_sender_that_starts_anew_is_believed_once_it_is_stale_and_not_before():
    known, _ = taken(Freshness(), value(0.0, 900), 0.0)
    known, reason = taken(known, value(4.0, 0), 4.0)
    assert reason is RefusalReason.REPEATED
    known, reason = taken(known, value(8.0, 2), 8.0)
    assert reason is None
    assert (known.restarts, known.missed) == (1, 0)


def test_a_value_beyond_the_award_is_followed_to_the_award_only():
    known, _ = taken(Freshness(), value(0.0, 0, 7.0), 0.0)
    known, followed = follow(known, 0.0, RULES)
    assert followed.share == 1.0
    assert known.reading.clipped == 1


@pytest.mark.parametrize("share", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_a_gap(share: float):
    known, _ = taken(Freshness(), value(0.0, 0, 0.5), 0.0)
    known, _ = follow(known, 0.0, RULES)
    known, _ = taken(known, value(2.0, 1, share), 2.0)
    known, followed = follow(known, 2.0, RULES)
    assert followed.share == 0.5
    assert known.reading.gaps == 1


@given(st.permutations(list(range(12))), st.lists(st.integers(0, 11), max_size=12))
def test_in_any_order_with_repeats_only_rising_times_are_taken(order: list[int], again: list[int]):
    known, times = Freshness(), []
    for number in [*order, *again]:
        before = known
        known, reason = take(known, value(float(number), number), 12.0, RULES_WIDE)
        if reason is None:
            times.append(known.last.time_s if known.last else math.nan)
        else:
            assert known.last == before.last
    assert times == sorted(set(times))


RULES_WIDE = FreshnessRules(longest_delay_s=100.0)


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_a_clock_of_ours_that_is_stepped_costs_a_fallback_and_comes_back(step_s: float):
    """NTP steps our clock by an hour for a minute; the operator's signal goes on meanwhile."""
    known, seen = Freshness(), []
    for tick in range(90):
        true_s = 2.0 * tick
        ours_s = true_s + (step_s if 30 <= tick < 60 else 0.0)
        known, _ = take(known, value(true_s, tick, 0.5), ours_s, RULES)
        known, followed = follow(known, ours_s, RULES)
        assert abs(followed.share) <= 0.5
        seen.append((followed.share, followed.fallback))
    assert seen[29] == seen[61] == (0.5, Fallback.NONE)
    assert seen[59][1] is Fallback.FADE
    assert known.refused == 30


@pytest.mark.parametrize("skew_s", [3600.0, -3600.0, 86_400.0, -1.8e9])
def test_a_sender_whose_clock_is_wrong_is_not_followed_until_it_is_right(skew_s: float):
    known, _ = taken(Freshness(), value(0.0, 0, 0.5), 0.0)
    for tick in range(1, 40):
        known, reason = taken(known, value(2.0 * tick + skew_s, tick, -0.9), 2.0 * tick)
        assert reason in (RefusalReason.LATE, RefusalReason.EARLY)
        known, followed = follow(known, 2.0 * tick, RULES)
        assert followed.share >= 0.0
    assert follow(known, 80.0, RULES)[1].fallback is Fallback.PLAN
    known, reason = taken(known, value(80.0, 40, -0.9), 80.0)
    assert reason is None
    assert follow(known, 80.0, RULES)[1].share == -0.9


def test_rules_that_cannot_be_kept_are_refused():
    with pytest.raises(InputError) as caught:
        FreshnessRules(tick_s=0.0, fade_s=math.inf)
    assert [fault.field for fault in caught.value.faults] == ["tick_s", "fade_s"]

"""Panels in a black start: they follow, feed what blocks take, and spare the batteries."""

from functools import cache
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.black_start.assets.following import FollowingRules
from evergrid.resilience.black_start.assets.panels import PANELS, PanelSource, panels
from evergrid.resilience.black_start.procedure import black_start
from evergrid.resilience.black_start.results.outcome import Action, BlackStart
from evergrid.resilience.black_start.settings import StartSequence
from tests.resilience.black_start.cases import QUICK, block, site

FIRST, SECOND = block("lights", 3.0, "critical"), block("offices", 4.0, "comfort")
RULES = FollowingRules(enter_s=0.4, ramp_s=0.3)
SLOW: dict[str, Any] = QUICK | {"settle_s": 2.0}


@cache
def sunny() -> BlackStart:
    """A van, 6 kW of sun, 3 kW of load and 4 kW more after two seconds."""
    made = site(1, load_blocks=(FIRST, SECOND), solar_kw=np.array([6.0, 8.0]))
    sequence = StartSequence(**SLOW, duration_s=7.0)
    return black_start(made, sequence, following=RULES, panels=panels(made))


def test_panels_feed_no_more_than_the_load_and_take_up_more_as_it_grows() -> None:
    """Nine tenths of what is on, then all of the sun."""
    found = sunny()
    samples = found.samples
    second = next(one.time_s for one in found.events if one.actor == "offices")
    at = np.searchsorted(samples.time_s, [second - 0.05, 6.9])
    power_kw = samples.follower_power_kw[at, 0]
    assert power_kw == pytest.approx([0.9 * 3.0, 6.0], rel=0.01)
    drawn_kw = samples.block_kw[at].sum(axis=1)
    losses_kw = samples.unit_power_kw[at, 0] + power_kw - drawn_kw
    assert (np.abs(losses_kw) < 0.25).all()
    assert [one.actor for one in found.events if one.action is Action.ENTERED] == [PANELS]


def test_the_van_is_spared_what_panels_feed() -> None:
    found = sunny()
    made = site(1, load_blocks=(FIRST, SECOND))
    without = black_start(made, StartSequence(**SLOW, duration_s=7.0))
    (outcome,) = found.followers
    spared_kwh = (without.energy_kwh - found.energy_kwh)[0] * 0.95
    assert spared_kwh == pytest.approx(outcome.energy_kwh, rel=0.05)


def test_the_inverter_of_panels_is_that_of_the_brightest_hour() -> None:
    made = site(1, solar_kw=np.array([6.0, 8.0]))
    assert panels(made) == PanelSource(6.0, 8.0)


def test_a_site_without_panels_is_refused() -> None:
    with pytest.raises(InputError, match=r"hold some power for \[panels\]"):
        panels(site(1))


def test_a_rating_below_the_sun_is_refused() -> None:
    with pytest.raises(InputError, match="At most the rating"):
        panels(site(1, solar_kw=np.array([6.0])), 5.0)

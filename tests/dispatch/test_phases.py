"""Currents of each phase by plain loops, and limits of them in plans."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.dispatch import plan
from evergrid.dispatch.equipment import phases
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule
from tests.dispatch.charger_cases import a_workplace, v2g


def currents(portfolio: Portfolio, done: Schedule) -> np.ndarray:
    """Current of L1, L2 and L3 of the one site, load spread evenly."""
    total, of = np.zeros((3, portfolio.grid.steps)), portfolio.chargers
    assert of is not None
    for i, name in enumerate(portfolio.sessions.charger_id):
        c = int(np.nonzero(of.charger_id == name)[0][0])
        if portfolio.sessions.phases[i] == 3:
            total += done.power_kw[i] / 3
        else:
            total[int(of.phase[c][1]) - 1] += done.power_kw[i]
    total -= portfolio.load_kw[0] / 3
    return total * 1000 / 230.0


def options(**given: Any) -> plan.Options:
    return plan.Options(end_value_per_kwh=0.05, branch=False, **given)


@pytest.mark.parametrize("feeds", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_a_plan_keeps_the_limits_of_phases_that_it_would_pass(seed: int, feeds: bool) -> None:
    limited = a_workplace(seed, phase_limit_a=26.0, phase_unbalance_limit_a=14.0)
    limited = v2g(limited) if feeds else limited
    limited = replace(limited, load_kw=np.full((1, 24), 3.0))
    none = {n: np.array([np.inf]) for n in ("phase_limit_a", "phase_unbalance_limit_a")}
    free = replace(limited, sites=replace(limited.sites, **none))
    made, wide = plan.v2g(limited, options()), plan.v2g(free, options())
    now, before = currents(limited, made.schedule), currents(limited, wide.schedule)
    assert np.abs(before).max() > 26.0
    assert np.abs(now).max() <= 26.0 + 1e-6
    assert (now.max(axis=0) - now.min(axis=0)).max() <= 14.0 + 1e-6
    assert not made.shortfalls
    assert made.certificate.bound >= wide.certificate.bound - 1e-9
    assert made.assessment.phase_excess_a <= 1e-6
    held = phases.site_phase_a(limited, wide.schedule)[0]
    np.testing.assert_allclose(held, before, atol=1e-9)
    over = max(np.abs(before).max() - 26.0, (before.max(0) - before.min(0)).max() - 14.0)
    assert phases.excess_a(limited, held[None]) == pytest.approx(over)


def test_uncontrolled_charging_is_put_off_as_far_as_phases_demand() -> None:
    limited = a_workplace(1, phase_limit_a=26.0)
    smart = plan.smart(limited, options())
    done = plan.uncontrolled(limited, options(), smart)
    assert np.abs(currents(limited, done.schedule)).max() <= 26.0 + 1e-5


def test_a_limit_that_load_alone_passes_is_refused() -> None:
    limited = a_workplace(1, phase_limit_a=10.0)
    loaded = replace(limited, load_kw=np.full((1, 24), 9.0))
    with pytest.raises(InputError, match=r"phase_limit_a must allow the site's load.*13 A"):
        plan.v2g(loaded, options())


def test_limits_of_phases_need_chargers() -> None:
    with pytest.raises(InputError, match="be left out where no chargers are given"):
        replace(a_workplace(0, phase_limit_a=30.0), chargers=None)


def test_chargers_of_two_voltages_have_no_common_current() -> None:
    limited = a_workplace(0, phase_limit_a=30.0)
    assert limited.chargers is not None
    mixed = replace(limited.chargers, voltage_v=np.array([230.0, 240, 230, 230, 230, 230]))
    with pytest.raises(InputError, match="voltage_v must be one for all chargers"):
        plan.v2g(replace(limited, chargers=mixed), options())

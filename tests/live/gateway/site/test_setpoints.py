"""A site on its own keeps its limits, its vehicles' cells and their promises, by the last plan."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.live.gateway.site.setpoints import SiteState, decide
from evergrid.live.gateway.site.site_plan import PlannedSession, SiteLimit, SitePlan

NOW_S = 1000.0


def session(station: str = "cp-1", **changed: Any) -> PlannedSession:
    """A vehicle of 60 kWh, half full, that is planned to charge at 5 kW."""
    given = {
        "station": station,
        "evse": 1,
        "transaction": f"tx-{station}",
        "site": "depot",
        "power_kw": (-5.0,) * 4,
        "max_charge_kw": 11.0,
        "max_discharge_kw": 11.0,
        "least_kw": 1.4,
        "efficiency": 1.0,
        "capacity_kwh": 60.0,
        "energy_kwh": 30.0,
        "energy_s": NOW_S,
        "owed_kwh": 40.0,
        "reserve_kwh": 10.0,
        "departure_s": NOW_S + 8 * 3600.0,
        **changed,
    }
    return PlannedSession(**given)  # pyright: ignore[reportArgumentType]


def plan(*sessions: PlannedSession, import_kw: float = 100.0, export_kw: float = 100.0) -> SitePlan:
    sites = {one.station: one.site for one in sessions} | {"guest": "depot"}
    limits = (SiteLimit("depot", (import_kw,) * 4, (export_kw,) * 4),)
    return SitePlan(NOW_S, 1800.0, sessions, limits, {"depot": ""}, sites)


def powers(given: SitePlan, measured: dict[str, float] | None = None, now_s: float = NOW_S):
    return dict(decide(given, SiteState(), measured or {}, now_s).power_kw)


def test_a_vehicle_does_what_it_was_planned_to():
    given = plan(session(power_kw=(-5.0, 3.0, 0.0)))
    assert powers(given) == {"cp-1": -5.0}
    assert powers(given, now_s=NOW_S + 1800.0) == {"cp-1": 3.0}


def test_once_the_plan_is_over_it_charges_what_it_is_owed_and_no_more():
    late = NOW_S + 4 * 1800.0
    assert powers(plan(session()), now_s=late) == {"cp-1": -11.0}
    assert powers(plan(session(owed_kwh=30.0)), now_s=late) == {"cp-1": 0.0}


def test_a_promise_goes_before_the_plan_when_time_runs_out():
    soon = NOW_S + 3600.0
    assert powers(plan(session(power_kw=(11.0,), departure_s=soon))) == {"cp-1": -11.0}


@pytest.mark.parametrize(
    ("changed", "power_kw"),
    [
        ({"energy_kwh": 10.0, "power_kw": (5.0,), "owed_kwh": 0.0}, 0.0),
        ({"energy_kwh": 60.0, "owed_kwh": 60.0}, 0.0),
        ({"power_kw": (-1.0,)}, 0.0),
        ({"power_kw": (-20.0,)}, -11.0),
        ({"power_kw": (20.0,), "owed_kwh": 0.0}, 11.0),
        ({"power_kw": (5.0,), "max_discharge_kw": 0.0, "owed_kwh": 0.0}, 0.0),
    ],
    ids=["at the reserve", "full", "below 6 A", "beyond charge", "beyond discharge", "charge only"],
)
def test_cells_and_charger_are_kept_within_their_bounds(changed: dict[str, Any], power_kw: float):
    assert powers(plan(session(**changed))) == {"cp-1": power_kw}


def test_those_who_charge_beyond_a_limit_are_all_cut_by_the_same_share():
    given = plan(session("a", power_kw=(-10.0,)), session("b", power_kw=(-5.0,)), import_kw=7.5)
    assert powers(given) == {"a": -5.0, "b": -2.5}


def test_who_is_not_in_the_plan_is_counted_before_the_others():
    given = plan(session("a", power_kw=(-10.0,)), import_kw=10.0)
    assert powers(given, {"guest": -4.0}) == {"a": -6.0}
    found = decide(given, SiteState(), {"guest": -12.0}, NOW_S)
    assert found.power_kw["a"] == 0.0
    assert found.beyond_kw == {"depot": pytest.approx(4.0)}  # 2 beyond, and 2 taken off


def test_a_vehicle_that_draws_more_than_it_was_told_is_made_up_for_by_the_others():
    given = plan(session("a", power_kw=(-5.0,)), session("b", power_kw=(-5.0,)), import_kw=10.0)
    state, drawn = SiteState(), {"a": -5.0, "b": -5.0}
    for tick in range(30):
        found = decide(given, state, drawn, NOW_S + 2.0 * tick)
        state = found.state
        drawn = {"a": found.power_kw["a"], "b": -8.0}  # which does not listen
    assert sum(drawn.values()) >= -10.0 - 0.5


def test_a_limit_above_holds_for_the_sites_below_together():
    sessions = (session("a", power_kw=(-10.0,)), session("b", power_kw=(-10.0,), site="yard"))
    given = replace(
        plan(*sessions),
        limits=(
            SiteLimit("depot", (8.0,), (0.0,)),
            SiteLimit("yard", (8.0,), (0.0,)),
            SiteLimit("feeder", (10.0,), (0.0,)),
        ),
        parents={"depot": "feeder", "yard": "feeder", "feeder": ""},
    )
    assert powers(given) == {"a": pytest.approx(-5.0), "b": pytest.approx(-5.0)}


def test_a_draw_too_small_to_be_given_does_not_leave_the_other_to_feed_beyond_a_limit():
    given = plan(
        session("a", power_kw=(2.0,), energy_kwh=11.0, owed_kwh=0.0, least_kw=1.4),
        session("b", power_kw=(-2.0,), energy_kwh=0.0, least_kw=1.4),
        import_kw=0.0,
        export_kw=0.0,
    )
    assert sum(powers(given, {"guest": -1.0}).values()) - 1.0 <= 1e-6


power = st.floats(-11.0, 11.0)


@given(
    planned=st.lists(power, min_size=1, max_size=8),
    energy=st.lists(st.floats(0.0, 60.0), min_size=8, max_size=8),
    guest=st.floats(-20.0, 0.0),
    limits=st.tuples(st.floats(0.0, 60.0), st.floats(0.0, 60.0)),
)
def test_whatever_was_planned_no_limit_is_passed_that_can_be_kept(
    planned: list[float],
    energy: list[float],
    guest: float,
    limits: tuple[float, float],
):
    sessions = [
        session(f"cp-{n}", power_kw=(kw,), energy_kwh=energy[n]) for n, kw in enumerate(planned)
    ]
    given = plan(*sessions, import_kw=limits[0], export_kw=limits[1])
    found = decide(given, SiteState(), {"guest": guest}, NOW_S)
    total = sum(found.power_kw.values()) + guest
    assert total <= limits[1] + 1e-6
    assert total >= -max(limits[0], -guest) - 1e-6
    for one in sessions:
        kw = found.power_kw[one.station]
        assert -one.max_charge_kw <= kw <= one.max_discharge_kw
        assert kw == 0.0 or abs(kw) >= one.least_kw
        assert not (kw > 0 and one.energy_kwh <= one.reserve_kwh)


@given(st.lists(power, min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_vehicles_does_not_matter(planned: list[float], chance: random.Random):
    sessions = [session(f"cp-{n}", power_kw=(kw,)) for n, kw in enumerate(planned)]
    mixed = chance.sample(sessions, len(sessions))
    one, other = (powers(plan(*some, import_kw=9.0)) for some in (sessions, mixed))
    assert one == {name: pytest.approx(kw) for name, kw in other.items()}

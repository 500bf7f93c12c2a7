"""Emissions in plans: what they are, what less of them costs, and a cap that is kept."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from evergrid.core.errors import InfeasibleError, InputError
from evergrid.core.status import Status
from evergrid.dispatch import plan
from evergrid.dispatch.accounts import costs, site_power
from evergrid.dispatch.carbon.account import ScheduleCarbon, grid_energy
from evergrid.dispatch.carbon.forecast import FactorView
from evergrid.dispatch.carbon.frontier import CarbonProblem, capped, frontier, knee
from evergrid.dispatch.carbon.prices import carbon_only, with_carbon_price
from evergrid.dispatch.options import Options
from evergrid.impact.emissions.consequence import GridLosses
from evergrid.model.portfolio import Portfolio
from tests.dispatch.cases import CASES, Stay, a_portfolio
from tests.dispatch.cases import by_hand as by_hand_portfolio

OPTIONS = Options(0.05, smooth=False)


def problem(seed: int, name: str = "plain", losses: GridLosses | None = None) -> CarbonProblem:
    portfolio = a_portfolio(seed, CASES[name])
    rng = np.random.default_rng(seed)
    factor = rng.uniform(100, 900, portfolio.grid.steps)
    return CarbonProblem(portfolio, factor, OPTIONS, losses or GridLosses())


@pytest.mark.parametrize("name", ["plain", "tight", "net meter with load", "beyond the horizon"])
@pytest.mark.parametrize("seed", range(3))
def test_a_dearer_tonne_is_emitted_less_and_costs_more(name: str, seed: int):
    points = frontier(problem(seed, name, GridLosses(0.05, 0.02)), [0.0, 50.0, 200.0, 1000.0])
    tonnes, cost = [one.tonnes for one in points], [one.net_cost for one in points]
    assert tonnes == sorted(tonnes, reverse=True)
    assert cost == sorted(cost)
    assert points[0].tonnes > points[-1].tonnes


@pytest.mark.parametrize("name", ["plain", "net meter with load", "beyond the horizon"])
def test_what_is_planned_for_is_the_net_cost_and_the_tonnes_at_the_price(name: str):
    """The objective that is proven, and the tonnes recomputed from powers, move together."""
    given = problem(1, name, GridLosses(0.05, 0.02))
    one = given.at(300.0)
    other = given.at(0.0)
    paid = one.plan.certificate.objective - one.objective
    again = plan.v2g(
        with_carbon_price(given.portfolio, given.factor_kg_per_mwh, 300.0, given.losses),
        replace(one_options(given, 300.0)),
    )
    assert again.certificate.objective == pytest.approx(one.plan.certificate.objective, abs=1e-6)
    assert one.objective <= other.net_cost + 300.0 * other.tonnes + 1e-6
    assert one.bound <= one.objective + 1e-6
    assert np.isfinite(paid)


def one_options(given: CarbonProblem, price: float) -> Options:
    left = price * given.usual_kg_per_mwh / 1e6
    return replace(given.options, end_value_per_kwh=given.options.end_value_per_kwh + left)


@pytest.mark.parametrize("seed", range(3))
def test_a_cap_is_kept_at_the_least_cost_that_a_program_by_hand_finds(seed: int):
    given = problem(seed)
    least = given.at(1e5)
    most = given.at(0.0)
    cap = 0.5 * (least.tonnes + most.tonnes)
    made = capped(given, cap)
    assert made.cleaner.tonnes <= cap + 1e-9 <= made.cheaper.tonnes + 1e-6
    assert made.bound <= made.net_cost + 1e-9
    assert made.net_cost == pytest.approx(made.bound, rel=1e-5, abs=1e-5)
    assert made.net_cost == pytest.approx(by_hand(given, cap), rel=1e-5, abs=1e-5)


def by_hand(given: CarbonProblem, cap_tonnes: float) -> float:
    """The same program as rows and columns: draw and feed of each session in each step."""
    portfolio, factor = given.portfolio, given.factor_kg_per_mwh
    sessions, grid = portfolio.sessions, portfolio.grid
    first, stop = grid.window(sessions.arrival_utc, sessions.departure_utc)
    cells = [(i, t) for i in range(len(sessions)) for t in range(first[i], stop[i])]
    n, step_h = len(cells), grid.step_h
    prices = portfolio.prices
    draw = [step_h * prices.import_price_per_mwh[t] / 1e3 for _, t in cells]
    feed = [
        step_h * (sessions.wear_cost_per_kwh[i] - prices.export_price_per_mwh[t] / 1e3)
        for i, t in cells
    ]
    rows, most = [], []
    for i in range(len(sessions)):
        row = np.zeros(2 * n)
        for k, (j, t) in enumerate(cells):
            if j != i:
                continue
            row = row.copy()
            row[k] = step_h * sessions.efficiency_charge[i]
            row[n + k] = -step_h / sessions.efficiency_discharge[i]
            room = sessions.capacity_kwh[i] - sessions.energy_arrival_kwh[i]
            low = sessions.energy_departure_kwh[i] if t == stop[i] - 1 else 0.0
            low = max(low, sessions.energy_reserve_kwh[i])
            rows += [row, -row]
            most += [room, sessions.energy_arrival_kwh[i] - low]
    at_site = portfolio.site_row
    for site in range(len(portfolio.sites)):
        below = {
            i for i in range(len(sessions)) if site in path(int(at_site[i]), portfolio.sites.parent)
        }
        for t in range(grid.steps):
            row = np.zeros(2 * n)
            for k, (j, step) in enumerate(cells):
                if step == t and j in below:
                    row[k], row[n + k] = 1.0, -1.0
            for sign, limit in (
                (1.0, portfolio.import_limit_kw[site, t]),
                (-1.0, portfolio.export_limit_kw[site, t]),
            ):
                if np.isfinite(limit):
                    rows.append(sign * row)
                    most.append(limit)
    carbon = np.array([step_h * factor[t] / 1e6 for _, t in cells])
    rows.append(np.append(carbon, -carbon))
    most.append(cap_tonnes)
    share = [overlap(portfolio, i, t) for i, t in cells]
    bounds = [(0.0, sessions.max_charge_kw[i] * s) for (i, _), s in zip(cells, share, strict=True)]
    bounds += [
        (0.0, sessions.max_discharge_kw[i] * s) for (i, _), s in zip(cells, share, strict=True)
    ]
    found = linprog(np.append(draw, feed), np.array(rows), most, bounds=bounds)
    assert found.status == 0
    return float(found.fun)


def path(site: int, parent: np.ndarray) -> list[int]:
    """A site and all above it."""
    above = [site]
    while parent[above[-1]] >= 0:
        above.append(int(parent[above[-1]]))
    return above


def overlap(portfolio: Portfolio, session: int, step: int) -> float:
    """Share of a step during which a session is connected."""
    grid, sessions = portfolio.grid, portfolio.sessions
    begin, end = (
        grid.position(times)[session] for times in (sessions.arrival_utc, sessions.departure_utc)
    )
    return float(np.clip(min(end, step + 1) - max(begin, step), 1e-9, 1.0))


def test_a_cap_that_no_price_reaches_is_told_with_the_least_that_one_does():
    given = problem(0)
    with pytest.raises(InfeasibleError, match="The least that a price reached"):
        capped(given, given.at(1e5).tonnes - 1.0)


def test_a_cap_that_does_not_bind_costs_nothing():
    given = problem(0)
    free = given.at(0.0)
    made = capped(given, free.tonnes + 1.0)
    assert made.price_per_tonne == 0.0
    assert made.net_cost == free.net_cost


def test_with_flat_factors_v2g_emits_the_factor_times_the_losses_more():
    portfolio = a_portfolio(3)
    flat = np.full(portfolio.grid.steps, 500.0)
    made = plan.v2g(portfolio, OPTIONS)
    energy = grid_energy(portfolio, made.schedule)
    sessions = portfolio.sessions
    own = ScheduleCarbon(portfolio, made.schedule)
    gained = (made.schedule.energy_kwh[:, -1] - sessions.energy_arrival_kwh).sum()
    into = (own.drawn_kwh * sessions.efficiency_charge[:, None]).sum()
    out = (own.fed_kwh / sessions.efficiency_discharge[:, None]).sum()
    assert into - out == pytest.approx(gained)
    lost = own.drawn_kwh.sum() - own.fed_kwh.sum() - gained
    assert energy.caused_kg(flat).sum() == pytest.approx(0.5 * (gained + lost))


def test_the_plan_of_least_carbon_emits_no_more_than_any_other():
    given = problem(2)
    led = carbon_only(given.portfolio, given.factor_kg_per_mwh)
    least = plan.v2g(led, Options(plan.end_value_per_kwh(led), smooth=False))
    for price in (0.0, 100.0, 1000.0):
        assert given.tonnes(least.schedule) <= given.at(price).tonnes + 1e-9


def test_a_price_of_carbon_counts_once():
    given = problem(0, "carbon")
    with pytest.raises(InputError, match="it would count twice"):
        with_carbon_price(given.portfolio, given.factor_kg_per_mwh, 10.0)
    with pytest.raises(InputError, match="price_per_tonne must be at least 0"):
        with_carbon_price(a_portfolio(0), given.factor_kg_per_mwh, float("nan"))


def test_the_knee_is_where_further_tonnes_begin_to_cost_more():
    points = frontier(problem(1), [0.0, 20.0, 60.0, 200.0, 800.0])
    assert knee(points) in points


def test_a_line_has_no_knee():
    given = problem(1)
    assert knee(frontier(given, [])) is None
    assert knee(frontier(given, [0.0, 800.0])) is None
    assert knee(frontier(given, [0.0, 1e-6, 800.0])) is None  # the first two are one plan


def test_what_is_believed_of_factors_holds_nothing_of_what_comes():
    given = problem(0)
    losses = GridLosses(0.1, 0.0)
    led = carbon_only(given.portfolio, given.factor_kg_per_mwh, losses)
    steps = led.grid.steps
    expected = np.full((steps, 4), 300.0)
    past = np.full(96, 500.0)
    seen = FactorView(led.prices, expected, past, 48, losses)(5, 30)
    later = given.factor_kg_per_mwh.copy()
    later[6:] = 1.0
    other = carbon_only(given.portfolio, later, losses)
    again = FactorView(other.prices, expected, past, 48, losses)(5, 30)
    np.testing.assert_allclose(seen.carbon_price_per_mwh, again.carbon_price_per_mwh)
    np.testing.assert_allclose(
        seen.carbon_fed_per_mwh[:5], [given.factor_kg_per_mwh[5], *[300.0] * 4]
    )
    np.testing.assert_allclose(0.9 * seen.carbon_price_per_mwh, seen.carbon_fed_per_mwh)
    assert not seen.import_price_per_mwh.any()
    assert len(seen.time_utc) == 25


def with_generation(
    name: str, most_kw: float, *, curtailable: bool, seed: int = 1
) -> CarbonProblem:
    """A problem with generation at one site, and wires that lose energy one way only."""
    given = problem(seed, name, GridLosses(0.2, 0.0))
    portfolio = given.portfolio
    rng = np.random.default_rng(5)
    made_kw = np.zeros(portfolio.load_kw.shape)
    made_kw[1] = most_kw * rng.random(portfolio.grid.steps)
    sites = replace(portfolio.sites, generation_curtailable=np.full(3, curtailable))
    return replace(given, portfolio=replace(portfolio, sites=sites, generation_kw=made_kw))


@pytest.mark.parametrize("curtailable", [False, True])
@pytest.mark.parametrize("most_kw", [0.0, 50.0])
@pytest.mark.parametrize("name", ["plain", "net meter with load"])
def test_no_plan_is_below_the_bound_at_a_price_of_carbon(
    name: str, most_kw: float, *, curtailable: bool
):
    given = with_generation(name, most_kw, curtailable=curtailable)
    points = [given.at(price) for price in (0.0, 300.0, 3000.0)]
    for one in points:
        for other in points:
            assert one.bound <= other.net_cost + one.price_per_tonne * other.tonnes + 1e-6


@pytest.mark.parametrize("name", ["plain", "net meter with load"])
def test_tonnes_are_counted_at_the_meters_that_a_plan_pays_at(name: str):
    """Where wires lose one way only, energy from plug to plug is not netted beyond its meter."""
    given = with_generation(name, 0.0, curtailable=False)
    one, priced = (
        given.at(0.0),
        with_carbon_price(given.portfolio, given.factor_kg_per_mwh, 300.0, given.losses),
    )
    value = one_options(given, 300.0).end_value_per_kwh
    beside = [
        costs(priced, made.plan.schedule, value).net - made.net_cost - 300.0 * made.tonnes
        for made in (one, given.at(300.0), given.at(3000.0))
    ]
    np.testing.assert_allclose(beside, beside[0], atol=1e-6)


def at_a_plug(
    price_per_mwh: list[float], made_kw: list[float], *, curtailable: bool, load_kw: float = 0.0
) -> Portfolio:
    """A vehicle that needs 10 kWh at a site billed at its plug, with generation beside it."""
    stay = Stay(0.0, len(price_per_mwh), 10.0)
    portfolio = by_hand_portfolio([stay], price_per_mwh, export_limit_kw=4.0)
    sites = replace(portfolio.sites, generation_curtailable=np.array([curtailable]))
    load = np.full((1, len(price_per_mwh)), load_kw)
    made = np.array([made_kw])
    return replace(portfolio, sites=sites, generation_kw=made, load_kw=load)


def test_a_plan_by_carbon_takes_up_sun_that_would_be_curtailed():
    """At equal factors the dearer hour saves the 6 kWh that only vehicles can take up there."""
    portfolio = at_a_plug([100.0, 90.0], [10.0, 0.0], curtailable=True)
    factor = np.full(2, 500.0)
    given = CarbonProblem(portfolio, factor, Options(0.0, smooth=False))
    by_money, by_carbon = given.at(0.0), given.at(100.0)
    np.testing.assert_allclose(by_money.plan.schedule.power_kw, [[0.0, -10.0]])
    np.testing.assert_allclose(by_carbon.plan.schedule.power_kw, [[-6.0, -4.0]])
    # 4 kWh displace 500 kg/MWh either way; what is drawn beside them comes from the grid.
    assert by_money.tonnes == pytest.approx(0.5 * (10.0 - 4.0) / 1000.0)
    assert by_carbon.tonnes == pytest.approx(0.0, abs=1e-12)
    assert by_carbon.plan.status is Status.OPTIMAL
    assert by_carbon.objective == pytest.approx(by_carbon.bound)
    led = plan.v2g(carbon_only(portfolio, factor), given.options)
    assert led.assessment.curtailed_kwh.sum() == pytest.approx(0.0, abs=1e-9)
    assert led.status is Status.OPTIMAL


def test_curtailing_below_the_load_of_a_plug_billed_site_costs_what_the_load_draws():
    """Where wires lose energy on the way in, less generation is more drawn and not less fed."""
    portfolio = at_a_plug([50.0], [10.0], curtailable=True, load_kw=20.0)
    losses, factor = GridLosses(0.2, 0.0), np.array([400.0])
    priced = with_carbon_price(portfolio, factor, 1000.0, losses)
    one = plan.v2g(portfolio, Options(0.0, smooth=False)).schedule
    less = replace(one, curtailed_kw=np.array([[3.0]]))
    rise = costs(priced, less, 0.0).amounts["carbon"] - costs(priced, one, 0.0).amounts["carbon"]
    assert rise == pytest.approx(3.0 * 0.4 / 0.8)


@pytest.mark.parametrize("seed", range(4))
def test_costs_of_carbon_and_tonnes_differ_by_what_no_plan_changes(seed: int):
    given = with_generation("plain", 50.0, curtailable=True, seed=seed)
    price = 300.0
    priced = with_carbon_price(given.portfolio, given.factor_kg_per_mwh, price, given.losses)
    value = one_options(given, price).end_value_per_kwh
    points = [given.at(each) for each in (0.0, price, 3000.0)]
    assert any(one.plan.assessment.curtailed_kwh.any() for one in points)
    apart = [
        costs(priced, one.plan.schedule, value).net - one.net_cost - price * one.tonnes
        for one in points
    ]
    np.testing.assert_allclose(apart, -price * given.beside_tonnes, atol=1e-6)
    assert all(one.bound == pytest.approx(one.objective, rel=1e-5, abs=1e-5) for one in points)


def test_generation_that_nobody_takes_displaces_nothing_behind_no_meter_either():
    """10 kW that may not be curtailed behind a limit of 4 kW, with nobody to charge from it."""
    portfolio = at_a_plug([100.0, 90.0], [10.0, 0.0], curtailable=False)
    idle = plan.smart(portfolio, Options(0.0, smooth=False)).schedule
    nobody = replace(idle, power_kw=np.zeros((1, 2)))
    energy = grid_energy(portfolio, nobody)
    np.testing.assert_allclose(energy.fed_kwh, [4.0, 0.0])
    np.testing.assert_allclose(energy.untaken_kwh, [6.0, 0.0])
    # A vehicle that takes it up causes nothing.
    np.testing.assert_allclose(grid_energy(portfolio, idle).net_kwh.sum(), 0.0, atol=1e-9)


def test_what_nobody_takes_displaces_nothing():
    """A net meter that generates 80 kW at most behind a limit of 40 kW."""
    given = with_generation("net meter with load", 80.0, curtailable=False)
    made = given.at(0.0).plan
    energy = grid_energy(given.portfolio, made.schedule)
    step_h, factor = given.portfolio.grid.step_h, given.factor_kg_per_mwh
    power = site_power(given.portfolio, made.schedule)
    own = made.schedule.power_kw[given.portfolio.site_row == 2]
    limit = given.portfolio.export_limit_kw[1]
    drawn = np.maximum(-power[1], 0.0) + np.maximum(-own, 0.0).sum(axis=0)
    fed = np.clip(power[1], 0.0, limit) + np.maximum(own, 0.0).sum(axis=0)
    beyond = np.maximum(power[1] - limit, 0.0)
    assert beyond.max() > 10.0
    by_hand = step_h * (drawn / 0.8 - fed) @ factor / 1000.0
    assert energy.caused_kg(factor, given.losses).sum() == pytest.approx(by_hand)

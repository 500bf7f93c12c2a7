"""Changes: only like is compared with like, and every line adds up."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.impact.welfare import change
from evergrid.impact.welfare.accounts import booked, utility_lines
from evergrid.impact.welfare.party import Party
from tests.impact import welfare_cases
from tests.impact.welfare_cases import VOLL, close

SEED = st.integers(0, 2**32 - 1)


@given(SEED)
def test_lines_of_a_change_add_up_to_parties_and_to_the_whole(seed: int) -> None:
    found = change.of(*welfare_cases.pair(np.random.default_rng(seed)))
    assert close(sum(one.amount for one in found.effects), found.total, found.scale)
    for party in Party:
        received = sum(one.amount for one in found.transfers if one.receiver == party)
        paid = sum(one.amount for one in found.transfers if one.payer == party)
        real = sum(one.amount for one in found.effects if one.party == party)
        assert close(received - paid + real, found.by_party[party], found.scale)
    assert set(found.winners).isdisjoint(found.losers)


@given(SEED)
def test_losses_have_a_line_and_receipts_and_payments_close(seed: int) -> None:
    rng = np.random.default_rng(seed)
    run = welfare_cases.run(rng)
    terms = welfare_cases.terms(rng, storage_owner=Party.AGGREGATOR)
    lines = utility_lines(run, terms)
    ledger = booked(run, terms)
    scale = max(abs(one.amount) for one in ledger.transfers)
    assert close(sum(lines.values()), ledger.by_party[Party.UTILITY], scale)
    assert close(lines["losses"], -run.sum(run.price_per_mwh * run.losses_mwh), scale)
    assert close(lines["energy of own storage"], 0.0, scale)


@given(SEED)
def test_a_carbon_price_in_costs_is_revenue_and_leaves_less_damage(seed: int) -> None:
    """Social cost in full beside a payment is (social cost - price) beside costs with the price."""
    rng = np.random.default_rng(seed)
    (run0, terms), (run1, _) = welfare_cases.pair(rng)
    tau = terms.carbon_price_per_t
    co2 = run1.sum(run1.emissions_t[0]) - run0.sum(run0.emissions_t[0])
    runs = [replace(run, priced_co2_t=run.emissions_t[0]) for run in (run0, run1)]
    found = change.of((runs[0], terms), (runs[1], terms))
    fuel = run1.sum(run1.generation_cost) - run0.sum(run0.generation_cost)
    with_price, revenue = fuel + tau * co2, tau * co2
    left = (float(terms.damage_per_t[0]) - tau) * co2
    whole = float(terms.damage_per_t[0]) * co2
    assert close(-with_price - left + revenue, -fuel - whole + tau * co2, found.scale)
    paid = [one.amount for one in found.transfers if one.what == "carbon price"]
    assert close(paid[0], revenue, found.scale)
    assert close(found.residual, 0.0, found.scale)


def test_storage_is_counted_with_one_party_only() -> None:
    rng = np.random.default_rng(1)
    run, terms = welfare_cases.run(rng), welfare_cases.terms(rng)
    totals = set()
    for owner in Party:
        ledger = booked(run, replace(terms, storage_owner=owner))
        totals.add(round(ledger.total, 3))
        mine = [one for one in ledger.effects if one.what == "wear of storage"]
        assert [one.party for one in mine] == [owner]
    assert len(totals) == 1


def test_unequal_energy_at_the_end_is_refused_or_valued() -> None:
    rng = np.random.default_rng(2)
    (run, terms), (after, paid) = welfare_cases.pair(rng)
    more = replace(after, stored_end_mwh=110.0)
    with pytest.raises(InputError, match="leave as much energy stored") as caught:
        change.of((run, terms), (more, paid))
    assert caught.value.got == (10.0,)
    valued = change.of((run, terms), (more, paid), stored_worth_per_mwh=50.0)
    assert valued.energy_left == 500.0
    assert "10 MWh more" in valued.notes[0]
    assert close(valued.residual, 0.0, valued.scale)


@pytest.mark.parametrize("field", ["weight", "consumption_mwh"])
def test_runs_of_another_load_are_refused(field: str) -> None:
    rng = np.random.default_rng(3)
    (run, terms), (after, paid) = welfare_cases.pair(rng)
    other = {field: 2.0 * getattr(after, field)}
    if field == "consumption_mwh":
        other["generation_mwh"] = after.generation_mwh + after.consumption_mwh
    with pytest.raises(InputError, match=f"{field} must be the same in both runs"):
        change.of((run, terms), (replace(after, **other), paid))


def test_a_baseline_that_drives_less_is_refused() -> None:
    rng = np.random.default_rng(4)
    (run, terms), (after, paid) = welfare_cases.pair(rng)
    less = replace(
        after,
        driving_mwh=0.5 * after.driving_mwh,
        generation_mwh=after.generation_mwh - 0.5 * after.driving_mwh,
    )
    with pytest.raises(InputError, match="driving_mwh must be in all as in the run without"):
        change.of((run, terms), (less, paid))


def test_another_value_of_lost_load_or_damage_is_refused() -> None:
    rng = np.random.default_rng(5)
    (run, terms), (after, paid) = welfare_cases.pair(rng)
    with pytest.raises(InputError, match="voll_per_mwh must be the same"):
        change.of((run, terms), (after, replace(paid, voll_per_mwh=2 * VOLL)))
    with pytest.raises(InputError, match="damage_per_t must be the same"):
        change.of((run, terms), (after, replace(paid, damage_per_t=2 * paid.damage_per_t)))


def test_a_price_above_the_value_of_lost_load_is_refused() -> None:
    rng = np.random.default_rng(6)
    run = welfare_cases.run(rng)
    dear = replace(run, price_per_mwh=np.full(len(run.weight), VOLL + 1.0))
    with pytest.raises(InputError, match=r"at most the value of lost load, 10000, got 10001"):
        booked(dear, welfare_cases.terms(rng))


def test_energies_that_do_not_balance_are_refused() -> None:
    rng = np.random.default_rng(7)
    run = welfare_cases.run(rng)
    with pytest.raises(InputError, match="bring as much into the grid as is taken from it"):
        replace(run, losses_mwh=run.losses_mwh + 1.0)
    with pytest.raises(InputError, match="charge_mwh must be at least 0"):
        replace(run, charge_mwh=run.charge_mwh - 100.0)


def test_a_value_of_lost_load_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="voll_per_mwh must be above 0"):
        welfare_cases.terms(np.random.default_rng(0), voll_per_mwh=0.0)

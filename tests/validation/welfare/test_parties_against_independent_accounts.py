"""The books against a program of their own that writes down each party alone."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evergrid.impact.welfare.accounts import booked
from tests.impact import welfare_cases
from tests.validation.welfare import many_systems
from tests.validation.welfare.independent import surplus

CASES = 10_000
QUICK = 300
EACH_PARTY = 300
REPOSITORY = Path(__file__).parents[3]


def test_every_party_is_what_it_earns_and_bears_alone() -> None:
    rng = np.random.default_rng(11)
    for _ in range(EACH_PARTY):
        run, terms = welfare_cases.run(rng), welfare_cases.terms(rng)
        wanted = surplus(run, terms)
        ledger = booked(run, terms)
        scale = max(abs(one.amount) for one in (*ledger.transfers, *ledger.effects))
        for party, got in ledger.by_party.items():
            assert welfare_cases.close(got, wanted[party.value], scale), party


def test_parties_add_up_to_real_costs_in_many_systems() -> None:
    assert many_systems.worst_residual(QUICK, seed=3) < 1e-9


@pytest.mark.slow
@pytest.mark.exhaustive
def test_parties_add_up_to_real_costs_in_ten_thousand_systems() -> None:
    """In a process of its own, in which shapes are not checked at every call."""
    call = [sys.executable, "-m", "tests.validation.welfare.many_systems", str(CASES)]
    run = subprocess.run(call, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    cases, worst = run.stdout.split()
    assert int(cases) == CASES
    assert float(worst) < 1e-9


def test_independent_parties_add_up_to_real_costs_too() -> None:
    """The referee closes by itself, from the balance of energy alone."""
    rng = np.random.default_rng(5)
    for _ in range(EACH_PARTY):
        run, terms = welfare_cases.run(rng), welfare_cases.terms(rng)
        parties = surplus(run, terms)
        served = run.sum(run.consumption_mwh - run.unserved_mwh)
        real = terms.voll_per_mwh * served - run.sum(run.generation_cost + run.import_cost)
        real += run.capacity_worth - run.wear_cost - run.inconvenience_cost
        real -= run.programme_cost + run.storage_cost
        real -= sum(
            float(damage) * run.sum(emitted)
            for damage, emitted in zip(terms.damage_per_t, run.emissions_t, strict=True)
        )
        scale = terms.voll_per_mwh * served
        assert welfare_cases.close(math.fsum(parties.values()), real, scale)

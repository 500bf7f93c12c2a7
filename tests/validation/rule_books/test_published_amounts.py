"""Rules of seven markets against amounts that were published: see the README."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evergrid.markets.performance.afrr_channel import accepted
from evergrid.markets.rules import nordic, nyiso, pjm
from evergrid.markets.rules.markets import product
from evergrid.markets.rules.pjm import PjmRegulation
from evergrid.markets.settlement import afrr, availability
from evergrid.markets.settlement.afrr import AfrrBids
from evergrid.markets.settlement.pjm_regulation import RegulationPrices, credits

EXPECTED = Path(__file__).parent / "expected.csv"


def one(value: float) -> np.ndarray:
    return np.array([value])


def share(name: str, hertz: float) -> float:
    response = product(name).response
    assert response is not None
    return float(response.due(one(hertz - 50.0))[0])


def enablement(price: float) -> float:
    made = availability.enablement(one(4.66), one(price), interval_h=5 / 60, currency="AUD")
    return made.total


def capacity(price: float) -> float:
    nothing = accepted(np.zeros(14_400), np.zeros(14_400))
    bids = AfrrBids(one(price), np.zeros(16), np.zeros(16), np.zeros(16))
    return afrr.statement(one(5.0), one(1.0), nothing, bids).total


def credit(award: float, score: float, prices: tuple[float, ...], rules: PjmRegulation) -> float:
    paid = RegulationPrices(*(one(price) for price in prices))
    return float(credits(one(award), one(score), paid, rules).total[0])


def energy(name: str) -> Callable[[float], float]:
    return lambda award: product(name).energy_mwh(award)


RULES: dict[str, Callable[[float], float]] = {
    "nyiso_factor": lambda index: float(nyiso.performance_factor(one(index))[0]),
    "dc_low_share": lambda hertz: share("dc_low", hertz),
    "fcr_share": lambda hertz: share("fcr", hertz),
    "aemo_enablement_4.66_mw": enablement,
    "afrr_capacity_5_mw": capacity,
    "pjm_first_era_5_mw": lambda score: credit(5.0, score, (20.0, 3.0, 3.0), pjm.FIRST_ERA),
    "pjm_second_era_10_mw": lambda score: credit(10.0, score, (50.0, 5.0, 1.0), pjm.SECOND_ERA),
    "ffr_full_s": lambda hertz: next(
        pair.full_s for pair in nordic.FFR_ACTIVATIONS if pair.frequency_hz == hertz
    ),
}
RULES |= {
    f"{name}_energy_mwh": energy(name)
    for name in ("fcr_d_up", "dc_low", "dm_low", "dr_low", "pjm_synchronized_reserve", "fcr")
}


def rows() -> list[dict[str, str]]:
    with EXPECTED.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['rule']} {row['input']}")
def test_a_rule_gives_what_was_published(row: dict[str, str]) -> None:
    found = RULES[row["rule"]](float(row["input"]))
    assert found == pytest.approx(float(row["expected"]), abs=float(row["tolerance"]))


def test_every_rule_is_in_the_table() -> None:
    assert {row["rule"] for row in rows()} == set(RULES)

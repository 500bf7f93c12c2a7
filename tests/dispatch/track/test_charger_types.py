"""Limits of chargers in whole steps, and which are refused."""

from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.dispatch.track.charger_types import DRAW, FEED, ChargerType, tables
from evergrid.dispatch.track.fleet_state import Rules, empty
from tests.dispatch.track.cases import NOTTON, ONE_WAY, TWO_WAY


def test_tables_have_the_losses_of_the_curve_at_every_step() -> None:
    found = tables([TWO_WAY, ONE_WAY])
    cells, lost = found.powers_kw[0].T
    middle = len(cells) // 2
    assert lost[middle + 10] == pytest.approx(7.36 * (0.0072 + 0.0345 * (2.3 / 7.36) ** 2))
    assert cells[middle + 10] == pytest.approx(2.3 + lost[middle + 10])
    assert cells[middle - 10] == pytest.approx(-2.3 + lost[middle - 10])
    assert found.ways["most"].tolist() == [[32, 32], [32, 0]]
    assert found.ways["best_w"][0, FEED] == pytest.approx(7360 * np.sqrt(0.0072 / 0.0345))
    assert found.limits["into_kw"][1] == pytest.approx(7.36 * (1 - 0.0417))
    assert found.limits["out_kw"].tolist() == pytest.approx([7.36 * 1.0417, 0.0])


def test_a_charger_that_cannot_feed_is_never_called_to() -> None:
    order = tables([ONE_WAY]).order
    assert np.all(order[FEED] == -1)
    assert np.any(order[DRAW] >= 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"step_kw": 0.00025},
        {"least_kw": 8.0},
        {"least_kw": -1.0},
        {"max_discharge_kw": 1.0},
        {"idle_kw": 1.0},
        {"ramp_kw_per_s": 0.0},
        {"max_charge_kw": np.nan},
    ],
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    given: dict[str, Any] = {"max_charge_kw": 7.36, "max_discharge_kw": 7.36, **wrong}
    with pytest.raises(
        InputError, match=next(iter(wrong)) if "max_charge_kw" not in wrong else "charger type"
    ):
        ChargerType(charge=NOTTON, discharge=NOTTON, **given)


def test_rules_and_fleets_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match="3 faults"):
        Rules(switch_limit=2, dwell_s=-1.0, review_s=0.0)
    with pytest.raises(InputError, match="at least 1"):
        empty(0, [TWO_WAY])
    with pytest.raises(InputError, match="types"):
        empty(3, [])

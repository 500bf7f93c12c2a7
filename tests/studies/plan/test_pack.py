"""A plan whose packs have limits of voltage, current and cold: what it tells, and refuses."""

import json
import re
from typing import Any

import polars as pl
import pytest

from evergrid.core.errors import EvergridError
from tests.studies.cases import Planned


def test_the_summary_tells_what_packs_cannot_do(planned: Planned) -> None:
    result, out = planned(1, pack={"air_c": -8.0})
    told = json.loads((out / "summary.json").read_text())["pack"]
    assert set(told["strategies"]) == {"uncontrolled", "smart", "v2g"}
    made = told["strategies"]["v2g"]
    assert made["limited_slots"] > 0
    assert made["lowest_cell_c"] == pytest.approx(-8.0, abs=0.2)
    # More cannot be left undone than is drawn: at -8 C cells take 6 % of their current.
    power = pl.read_parquet(out / "schedule.parquet")["power_kw"].to_numpy()
    assert 0.2 < made["undone_kwh"] / (-0.5 * power[power < 0].sum()) < 1.0
    assert made["missing_kwh"] > 0.0
    assert "of the plan, in" in "\n".join(result.console_lines())


def test_warm_packs_do_all_and_change_nothing(planned: Planned) -> None:
    free, warm = planned(1)[0].summary, planned(1, pack={"air_c": 25.0})[0].summary
    assert warm["pack"]["strategies"]["v2g"]["undone_kwh"] == 0.0
    assert warm["objective"] == free["objective"]


def test_refinements_ask_packs_for_what_they_can_do(planned: Planned) -> None:
    told = planned(1, pack={"air_c": -3.0}, solve={"refinements": 4})[0].summary
    first = planned(1, pack={"air_c": -3.0})[0].summary
    undone = [one["pack"]["strategies"]["v2g"]["undone_kwh"] for one in (first, told)]
    assert undone[1] < 1e-3 * told["energy_drawn_kwh"] + 1e-9 < undone[0]
    assert told["objective"] > first["objective"]
    assert told["status"] in ("optimal", "infeasible", "feasible", "shortfall")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"state": [0.0, 1.0], "rest_v": [300.0, 350.0, 400.0]}, "have as many values as state"),
    ({"charge_share": [0.0, 1.0]}, "have as many values as charge_temperature_c"),
    ({"state": [0.1, 1.0], "rest_v": [300.0, 400.0]}, "begin at 0 and end at 1"),
    ({"most_v": 390.0}, "lie around the voltages at rest"),
    ({"charge_share": [0.0, 10.0, 100.0]}, "lie in"),
    ({"air_c": -300.0}, "air_c"),
    ({"resistance_ohm": 0.0}, "resistance_ohm"),
]


@pytest.mark.parametrize(("given", "told"), BAD, ids=[told for _, told in BAD])
def test_a_pack_that_cannot_be_is_refused(
    given: dict[str, Any], told: str, planned: Planned
) -> None:
    with pytest.raises(EvergridError, match=re.escape(told)):
        planned(1, pack=given)

"""A black start of a feeder's section: its blocks, its notes, what its order may name."""

from typing import Any

import pytest

from evergrid.core.config import parse
from evergrid.core.errors import InputError
from evergrid.studies import black_start

SECTION: dict[str, Any] = {
    "head": "671-692",
    "block": [{"bus": "692", "name": "works", "tier": "critical"}],
}
DEPOT = {
    "name": "depot",
    "count": 1,
    "plugged_in": 1,
    "capacity_kwh": 4000.0,
    "energy_arrival_kwh": [2000.0, 2000.0],
    "energy_reserve_kwh": 100.0,
    "max_discharge_kw": 1500.0,
    "max_charge_kw": 1500.0,
}


def run(**start: Any) -> black_start.Result:
    told = {"auxiliary_s": 0.1, "ramp_s": 0.3, "settle_s": 0.3, "duration_s": 2.0} | start
    site = {"feeder": SECTION, "vehicles": [DEPOT], "transformer": {"rating_kva": 2000.0}}
    return black_start.run(parse(black_start.Config, {"microgrid": site, "start": told}))


def test_a_section_is_started_with_its_lines_and_its_frequency():
    result = run()
    s = result.summary
    assert (s["status"], s["nominal_hz"], s["demand_kw"]) == ("restored", 60.0, 1013.0)
    assert result.tables["blocks"]["block"].to_list() == ["works", "675"]
    assert s["end_frequency_hz"] == pytest.approx(s["droop_frequency_hz"], abs=1e-6)
    told = " ".join(s["notes"])
    assert "counts as balanced" in told
    assert "capacitor banks 675" in told
    branches = result.findings.start.circuit.network.branches
    assert [one.name for one in branches] == ["transformer", "line 692-675"]


def test_an_order_names_blocks_of_the_section():
    with pytest.raises(InputError, match="Did you mean works"):
        run(order=["depot 1", "wroks"])

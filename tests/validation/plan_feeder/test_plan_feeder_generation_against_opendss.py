"""A plan with PV on a street: what it feeds and curtails keeps the limits in OpenDSS, by phase."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.core.units import consumption_from_grid_power
from evergrid.grid.feeder import opendss
from evergrid.studies import plan
from tests.grid.cases import street

CONSTANT = ["batchedit load..* model=1 vminpu=0.3 vmaxpu=2 vlowpu=0.2"]
HIGH_PU, LOW_PU, RATING_A = 1.04, 0.988, 200.0
SAME = 1e-6
# What the wires carry by themselves, and what the sites may feed of it.
SMALL_KW, EXPORT_KW = {"home1": 7.0, "home3": 8.0, "shop": 26.0}, {"home1": 6.0, "home3": 5.0}
# What the wires do not carry; nothing but they limits it.
LARGE_KW = {"home1": 25.0, "home3": 20.0, "shop": 90.0}


Made = tuple[plan.Result, Path]


@dataclass(frozen=True)
class Told:
    """What OpenDSS finds in every step.

    Attributes:
        volt_pu: Voltage of each load's phases.
        line: Greatest current of each line's phases over its rating.
        transformer: Current of each phase of each winding over what it is rated for.
    """

    volt_pu: np.ndarray
    line: np.ndarray
    transformer: np.ndarray


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A sunny day with twelve cars: export limits curtail PV, and wires hold back cars."""
    return sunny(tmp_path_factory.mktemp("small"), SMALL_KW, EXPORT_KW)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The same with more PV than the wires carry."""
    return sunny(tmp_path_factory.mktemp("large"), LARGE_KW, {})


@pytest.fixture(params=["small", "large"])
def made(request: pytest.FixtureRequest) -> Made:
    return request.getfixturevalue(request.param)


def sunny(folder: Path, pv_kw: dict[str, float], export_kw: dict[str, float]) -> Made:
    """The plan of a sunny day."""
    path = street(folder)
    times = pl.datetime_range(
        pl.datetime(2025, 6, 1, time_zone="UTC"),
        pl.datetime(2025, 6, 5, time_zone="UTC"),
        "1h",
        eager=True,
    )
    hour = times.dt.hour().to_numpy()
    price = 200 + 180 * np.cos((hour - 19) / 24 * 2 * np.pi)
    costs = {"import_price_per_mwh": price + 5, "export_price_per_mwh": price}
    pl.DataFrame({"time_utc": times} | costs).write_csv(folder / "prices.csv")
    sun = np.maximum(np.sin((hour - 6) / 12 * np.pi), 0.0)
    produced = [
        pl.DataFrame({"site_id": [name] * len(times), "time_utc": times, "generation_kw": kw * sun})
        for name, kw in pv_kw.items()
    ]
    pl.concat(produced).write_csv(folder / "sun.csv")
    words: dict[str, Any] = {
        "horizon": {"start": "2025-06-02", "days": 1, "step_min": 60, "time_zone": "UTC"},
        "prices": {"file": "prices.csv"},
        "site_generation_file": "sun.csv",
        "site": [
            {"site_id": name, "parent_id": "feeder", "export_limit_kw": kw}
            for name, kw in export_kw.items()
        ],
        "fleet": [
            {"place": "home", "vehicles": 12, "sites": ["feeder/load"], "time_zone": "UTC"}
            | {"max_charge_kw": 22.0, "max_discharge_kw": 22.0}
        ],
        "feeder": {
            "file": str(path),
            "load": {"share": 0.8},
            "limits": {"low_pu": LOW_PU, "high_pu": HIGH_PU, "unbalance": 0.5},
        },
    }
    return plan.run(parse(plan.Config, words), folder=folder), path


def fed(made: plan.Result) -> dict[str, np.ndarray]:
    """Power into the grid of each load with all that is beside it, by step."""
    portfolio, schedule = made.findings.inputs.portfolio, made.findings.plans["v2g"].schedule
    assert schedule.curtailed_kw is not None
    total = portfolio.generation_kw - schedule.curtailed_kw - portfolio.load_kw
    total = total + portfolio.by_site(schedule.power_kw)
    return dict(zip(portfolio.sites.site_id.tolist(), total, strict=True))


def told(made: plan.Result, path: Path, power_kw: dict[str, np.ndarray]) -> Told:
    """These powers in OpenDSS; reactive power is that of the loads alone."""
    circuit: Any = opendss.opened(path, CONSTANT).ActiveCircuit
    portfolio, loads = made.findings.inputs.portfolio, circuit.Loads
    home_kw = dict(zip(portfolio.sites.site_id.tolist(), portfolio.load_kw, strict=True))
    names = [name.lower() for name in loads.AllNames]
    kvar_per_kw = {}
    for name in names:
        loads.Name = name
        kvar_per_kw[name] = loads.kvar / loads.kW
    volts, lines, windings = [], [], []
    for step in range(portfolio.grid.steps):
        for name in names:
            loads.Name = name
            loads.kW = float(consumption_from_grid_power(power_kw[name][step]))
            loads.kvar = float(home_kw[name][step] * kvar_per_kw[name])
        circuit.Solution.Solve()
        assert circuit.Solution.Converged
        all_pu = dict(zip(map(str.lower, circuit.AllNodeNames), circuit.AllBusVmagPu, strict=True))
        at = ["b.1", "b.2", "c.1", "c.2", "c.3"]  # where the loads are
        volts.append([all_pu[node] for node in at])
        lines.append([_amps(circuit, f"line.{name}")[0] / RATING_A for name in ("first", "second")])
        rated_a = np.array([[100 / 11], [100 / 0.4]]) / np.sqrt(3)
        windings.append(_amps(circuit, "transformer.station")[:, :3] / rated_a)
    return Told(np.array(volts), np.array(lines).max(axis=2), np.array(windings))


def _amps(circuit: Any, name: str) -> np.ndarray:
    circuit.SetActiveElement(name)
    element = circuit.ActiveCktElement
    return np.asarray(element.CurrentsMagAng)[::2].reshape(element.NumTerminals, -1)


def test_opendss_finds_no_limit_passed(made: Made):
    result, path = made
    found = told(result, path, fed(result))
    assert len(found.volt_pu) == 24
    assert found.volt_pu.max() <= HIGH_PU + SAME
    assert found.volt_pu.min() >= LOW_PU - SAME
    assert found.line.max() <= 1 + SAME
    assert found.transformer.max() <= 1 + SAME
    assert found.volt_pu.min() < LOW_PU + 0.001  # it goes to the limit


def test_every_step_is_told_as_opendss_finds_it(made: Made):
    result, path = made
    found = told(result, path, fed(result))
    table = result.tables["feeder_check"].filter(strategy="v2g").sort("time_utc")
    for kind, theirs in (
        ("high voltage", found.volt_pu.max(axis=1)),
        ("low voltage", found.volt_pu.min(axis=1)),
        ("line", found.line.max(axis=1)),
        ("transformer", found.transformer.max(axis=(1, 2))),
    ):
        ours = table.filter(kind=kind)["value"].to_numpy()
        assert np.abs(ours - theirs).max() < SAME, kind


def test_export_limits_curtail_and_the_wires_hold_the_plan_back(small: Made):
    result, _ = small
    curtailed_kw = result.findings.plans["v2g"].schedule.curtailed_kw
    assert curtailed_kw is not None
    assert 3 <= (curtailed_kw.sum(axis=0) > 0.1).sum() < 12
    power = fed(result)
    for name, limit_kw in EXPORT_KW.items():
        assert power[name].max() <= limit_kw + SAME
    assert result.summary["feeder"]["steps_violated"]["v2g without network limits"] > 0
    assert result.summary["feeder"]["steps_violated_without_vehicles"] == 0


def test_what_the_wires_do_not_carry_is_curtailed(large: Made):
    """Generation that may be curtailed is no excuse to pass a limit."""
    result, _ = large
    curtailed_kw = result.findings.plans["v2g"].schedule.curtailed_kw
    assert curtailed_kw is not None
    assert curtailed_kw.sum() > 50
    feeder = result.summary["feeder"]
    assert feeder["holds"]
    assert feeder["steps_violated"]["v2g without network limits"] > 0
    assert feeder["steps_violated_without_vehicles"] == 0

"""The plan of 55 homes on the European low voltage feeder, through OpenDSS and past a plain LP."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from evergrid.core import config
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder
from evergrid.studies import plan

pytestmark = [pytest.mark.data, pytest.mark.slow]

REPOSITORY = Path(__file__).parents[3]
SOURCE = ["edit vsource.source pu=1.0"]
CONSTANT = ["batchedit load..* model=1 vminpu=0.3 vmaxpu=2 vlowpu=0.2"]
LOW_PU, HIGH_PU, RATING_A, UNBALANCE = 0.94, 1.1, 200.0, 0.02
SAME_PU, SAME_SHARE = 1e-7, 1e-6  # of our voltages and of our loadings
DEARER = 0.004  # share of the cost by which another plan within network limits might be cheaper
STEP_KW = 0.05  # of differences
NEAR_PU, NEAR_LINE, NEAR_UNBALANCE = 0.04, 0.4, 0.01  # rows further from a limit hold nothing
TURN = np.exp(2j * np.pi / 3)


@dataclass(frozen=True)
class Told:
    """What OpenDSS finds in one step.

    Attributes:
        volt_pu: Voltage of each load.
        line: Current of each line over the assumed rating, the greatest of its phases.
        transformer: Current of the fullest phase of either winding over its rating.
        unbalance: Negative over positive sequence at the bus of each load.
    """

    volt_pu: np.ndarray
    line: np.ndarray
    transformer: float
    unbalance: np.ndarray


class Referee:
    """OpenDSS with the feeder, loads at constant power."""

    def __init__(self, path: Path, feeder: Feeder) -> None:
        self.circuit: Any = opendss.opened(path, [*SOURCE, *CONSTANT]).ActiveCircuit
        self.names = list(self.circuit.Loads.AllNames)
        nodes = [str(name).lower() for name in self.circuit.AllNodeNames]
        self.at, self.bus, self.kvar_per_kw = [], [], []
        for name in self.names:
            self.circuit.Loads.Name = name
            node = str(self.circuit.ActiveCktElement.BusNames[0]).lower()
            self.at.append(nodes.index(node))
            self.bus.append([nodes.index(f"{node.split('.')[0]}.{phase}") for phase in (1, 2, 3)])
            self.kvar_per_kw.append(self.circuit.Loads.kvar / self.circuit.Loads.kW)
        order = [nodes.index(name) for name in feeder.node_name]
        self.per_volt = feeder.lines.currents.per_volt[:, np.argsort(order)]
        self.base_v = np.empty(len(nodes))
        self.base_v[order] = feeder.base_v

    def voltages(self, drawn_kw: np.ndarray, home_kw: np.ndarray) -> np.ndarray:
        """Volts of every node; reactive power is that of the homes alone."""
        loads = self.circuit.Loads
        for row, name in enumerate(self.names):
            loads.Name = name
            loads.kW = float(drawn_kw[row])
            loads.kvar = float(home_kw[row] * self.kvar_per_kw[row])
        self.circuit.Solution.Solve()
        assert self.circuit.Solution.Converged
        flat = np.asarray(self.circuit.YNodeVarray)
        return flat[::2] + 1j * flat[1::2]

    def rows(self, volts: np.ndarray) -> np.ndarray:
        """Low voltages with a minus, line loadings and unbalances, one below the other."""
        volt_pu = np.abs(volts[self.at]) / self.base_v[self.at]
        line = np.abs(self.per_volt @ volts) / RATING_A
        a, b, c = volts[np.array(self.bus)].T
        unbalance = np.abs((a + TURN**2 * b + TURN * c) / (a + TURN * b + TURN**2 * c))
        return np.concatenate([-volt_pu, line, unbalance])

    def told(self, drawn_kw: np.ndarray, home_kw: np.ndarray) -> Told:
        """What OpenDSS itself says of voltages, currents, power and sequences."""
        self.voltages(drawn_kw, home_kw)
        circuit = self.circuit
        names = [str(name).lower() for name in circuit.AllNodeNames]
        all_pu = dict(zip(names, circuit.AllBusVmagPu, strict=True))
        amps, more = [], circuit.Lines.First
        while more:
            amps.append(max(circuit.ActiveCktElement.CurrentsMagAng[::2]))
            more = circuit.Lines.Next
        circuit.SetActiveElement("transformer.tr1")
        of_windings = np.asarray(circuit.ActiveCktElement.CurrentsMagAng)[::2].reshape(2, -1)[:, :3]
        data, fullest = circuit.Transformers, 0.0
        data.Name = "tr1"
        for winding, amperes in enumerate(of_windings, start=1):
            data.Wdg = winding
            rated_a = data.kVA / (np.sqrt(3) * data.kV)
            fullest = max(fullest, float(amperes.max()) / rated_a)
        unbalance = []
        for node in self.at:
            circuit.SetActiveBus(names[node].split(".")[0])
            _, positive, negative = circuit.ActiveBus.SeqVoltages
            unbalance.append(negative / positive)
        return Told(
            np.array([all_pu[names[node]] for node in self.at]),
            np.array(amps) / RATING_A,
            fullest,
            np.array(unbalance),
        )


@pytest.fixture(scope="module")
def made(data_folder: Path) -> Iterator[plan.Result]:
    """The example as it is published."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVERGRID_DATA", os.fspath(data_folder.resolve()))
        example = REPOSITORY / "examples" / "plan_eulv.toml"
        yield plan.run(config.read(plan.Config, example), folder=example.parent)


@pytest.fixture(scope="module")
def referee(data_folder: Path, made: plan.Result) -> Referee:
    """OpenDSS with the same feeder."""
    assert made.findings.feeder is not None
    path = data_folder / "feeders" / "LVTestCase" / "Master.dss"
    return Referee(path, made.findings.feeder.feeder_sites.feeder)


def drawn(
    made: plan.Result, power_kw: np.ndarray, referee: Referee
) -> tuple[np.ndarray, np.ndarray]:
    """What homes with their vehicles draw, and the homes alone, by load and step."""
    portfolio = made.findings.inputs.portfolio
    row = {name: i for i, name in enumerate(referee.names)}
    homes = np.zeros((len(row), portfolio.grid.steps))
    fleet = np.zeros_like(homes)
    for site, load in zip(portfolio.sites.site_id, portfolio.load_kw, strict=True):
        if site in row:
            homes[row[site]] += load
    for site, power in zip(portfolio.sessions.site_id, power_kw, strict=True):
        fleet[row[site]] += power
    return homes - fleet, homes


@pytest.fixture(scope="module")
def told(made: plan.Result, referee: Referee) -> list[Told]:
    """The plan through OpenDSS, step by step."""
    both, homes = drawn(made, made.findings.plans["v2g"].schedule.power_kw, referee)
    return [referee.told(both[:, step], homes[:, step]) for step in range(both.shape[1])]


def ours(made: plan.Result, kind: str) -> np.ndarray:
    """What the result tells of the worst place of a kind in each step."""
    table = made.tables["feeder_check"].filter(strategy="v2g", kind=kind).sort("time_utc")
    return table["value"].to_numpy()


def test_every_step_has_the_lowest_and_highest_voltage_that_opendss_finds(
    made: plan.Result, told: list[Told]
):
    lowest = np.array([step.volt_pu.min() for step in told])
    highest = np.array([step.volt_pu.max() for step in told])
    assert np.abs(ours(made, "low voltage") - lowest).max() < SAME_PU
    assert np.abs(ours(made, "high voltage") - highest).max() < SAME_PU


def test_every_step_has_the_loadings_that_opendss_finds(made: plan.Result, told: list[Told]):
    for kind, theirs in (
        ("line", [step.line.max() for step in told]),
        ("transformer", [step.transformer for step in told]),
        ("unbalance", [step.unbalance.max() for step in told]),
    ):
        assert np.abs(ours(made, kind) - np.array(theirs)).max() < SAME_SHARE, kind


def test_opendss_finds_no_limit_passed(told: list[Told]):
    assert len(told) == 96
    for step in told:
        assert step.volt_pu.min() >= LOW_PU - SAME_PU
        assert step.volt_pu.max() <= HIGH_PU
        assert step.line.max() <= 1 + SAME_SHARE
        assert step.transformer <= 1
        assert step.unbalance.max() <= UNBALANCE + SAME_SHARE
    assert min(step.volt_pu.min() for step in told) < LOW_PU + 0.001  # it goes to the limit


def test_without_the_wires_opendss_finds_the_limits_passed(made: plan.Result, referee: Referee):
    assert made.findings.feeder is not None
    first = made.findings.feeder.plans["v2g"].first
    both, homes = drawn(made, first.schedule.power_kw, referee)
    steps = [referee.told(both[:, step], homes[:, step]) for step in range(both.shape[1])]
    passed = [step.volt_pu.min() < LOW_PU or step.line.max() > 1 for step in steps]
    assert sum(passed) >= 25
    assert min(step.volt_pu.min() for step in steps) < 0.90
    assert max(step.line.max() for step in steps) > 1.5
    assert first.costs.net < made.findings.plans["v2g"].costs.net


def test_no_plan_within_the_wires_costs_notably_less(made: plan.Result, referee: Referee):
    """Lines that touch the limits at the plan, by differences of OpenDSS, hold all other plans.

    A voltage falls and a current rises the faster the further, so that these lines let through all
    that the wires carry, and more.
    """
    net = made.findings.plans["v2g"].costs.net
    least = _least_cost(made, *_lines(made, referee))
    free = _least_cost(made, np.zeros((0, len(referee.names))), np.zeros(0), np.zeros(0, int))
    assert made.findings.feeder is not None
    assert free == pytest.approx(made.findings.feeder.plans["v2g"].first.costs.net, rel=1e-6)
    assert free < least  # the lines hold something
    assert least <= net * (1 + 1e-6)
    assert net <= least * (1 + DEARER)


def _lines(made: plan.Result, referee: Referee) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slope by load, limit and step: the slope times what the fleet feeds is at most the limit."""
    both, homes = drawn(made, made.findings.plans["v2g"].schedule.power_kw, referee)
    count = len(referee.names)
    lines = referee.per_volt.shape[0]
    sizes = [count, lines, count]
    limit = np.repeat([-LOW_PU, 1.0, UNBALANCE], sizes)
    within = np.repeat([NEAR_PU, NEAR_LINE, NEAR_UNBALANCE], sizes)
    slopes, limits, steps = [], [], []
    for step in range(both.shape[1]):
        at, home = both[:, step], homes[:, step]
        value = referee.rows(referee.voltages(at, home))
        near = np.flatnonzero(value > limit - within)
        slope = np.empty((len(near), count))
        for load in range(count):
            less = at - STEP_KW * (np.arange(count) == load)  # a vehicle feeds a little more
            moved = referee.rows(referee.voltages(less, home))
            slope[:, load] = (moved - value)[near] / STEP_KW
        slopes.append(slope)
        limits.append((limit - value)[near] + slope @ (home - at))
        steps.append(np.full(len(near), step))
    return np.concatenate(slopes), np.concatenate(limits), np.concatenate(steps)


def _least_cost(made: plan.Result, slope: np.ndarray, limit: np.ndarray, step: np.ndarray) -> float:
    """Least cost of all plans that keep the lines: a linear program of its own.

    Columns are what each session draws, feeds and holds in each step in which it is plugged in.
    """
    portfolio = made.findings.inputs.portfolio
    s, h, prices = portfolio.sessions, portfolio.grid.step_h, portfolio.prices
    begins, hour = portfolio.grid.times, np.timedelta64(1, "h")
    ends = begins + np.timedelta64(round(h * 3600), "s")
    load = {name: i for i, name in enumerate(made.findings.inputs.portfolio.sites.site_id)}
    cost, low, high, of, when = [], [], [], [], []
    row, column, value, right = [], [], [], []
    constant, total = 0.0, 0
    end_value = made.summary["end_value_per_kwh"]
    for i in range(len(s)):
        inside = np.minimum(ends, s.departure_utc[i]) - np.maximum(begins, s.arrival_utc[i])
        share = np.maximum(inside / hour, 0.0) / h
        at = np.flatnonzero(share > 1e-12)
        n = len(at)
        after_h = max((s.departure_utc[i] - ends[-1]) / hour, 0.0)
        gain, drain = h * s.efficiency_charge[i], h / s.efficiency_discharge[i]
        wanted = s.energy_departure_kwh[i] - s.max_charge_kw[i] * s.efficiency_charge[i] * after_h
        reachable = s.energy_arrival_kwh[i] + gain * s.max_charge_kw[i] * share.sum()
        worth = end_value if after_h > 0 else 0.0
        floor = np.full(n, min(s.energy_reserve_kwh[i], s.energy_arrival_kwh[i]))
        floor[-1] = max(floor[-1], min(max(wanted, 0.0), reachable))
        bought = (prices.import_price_per_mwh + prices.carbon_price_per_mwh)[at] / 1000
        sold = (prices.export_price_per_mwh + prices.carbon_price_per_mwh)[at] / 1000
        cost += [h * bought, h * (s.wear_cost_per_kwh[i] - sold), np.r_[np.zeros(n - 1), -worth]]
        low += [np.zeros(2 * n), floor]
        high += [share[at] * s.max_charge_kw[i], share[at] * s.max_discharge_kw[i]]
        high += [np.full(n, s.capacity_kwh[i])]
        constant += worth * s.energy_arrival_kwh[i]
        base, k = total, np.arange(n)
        first = len(right)
        row += [first + k, first + k, first + k, first + k[1:]]
        column += [base + k, base + n + k, base + 2 * n + k, base + 2 * n + k[:-1]]
        value += [np.full(n, -gain), np.full(n, drain), np.ones(n), -np.ones(n - 1)]
        right += [s.energy_arrival_kwh[i], *[0.0] * (n - 1)]
        of.append((base, n, load[s.site_id[i]]))
        when.append(at)
        total += 3 * n
    balance = _matrix(value, row, column, (len(right), total))
    bounds = np.column_stack([np.concatenate(low), np.concatenate(high)])
    rows, columns, values = [], [], []
    names = [name for name in portfolio.sites.site_id if name != "feeder"]
    at_load = {load[name]: i for i, name in enumerate(names)}
    for (base, n, site), at in zip(of, when, strict=True):
        for k, t in enumerate(at):
            (which,) = np.nonzero(step == t)
            rows += [which, which]
            columns += [np.full(len(which), base + k), np.full(len(which), base + n + k)]
            values += [-slope[which, at_load[site]], slope[which, at_load[site]]]
    held = _matrix(values, rows, columns, (len(limit), total))
    found = linprog(np.concatenate(cost), held, limit, balance, right, bounds, method="highs")
    assert found.success, found.message
    return float(found.fun + constant)


def _matrix(
    value: list[np.ndarray], row: list[np.ndarray], column: list[np.ndarray], shape: Any
) -> sparse.csr_array:
    entries = (np.concatenate(part) for part in (value, row, column))
    data, at_row, at_column = entries
    return sparse.csr_array((data, (at_row, at_column)), shape=shape)

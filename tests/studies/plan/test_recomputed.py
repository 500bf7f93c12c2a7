"""A written plan is recomputed from its files alone, in plain Python: limits, energy and money.

Nothing of the package is used to recompute, so that a shared mistake cannot hide.
"""

import json
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.studies.cases import Planned, configuration

CASES = pytest.mark.parametrize(
    ("seed", "meter"), [(1, False), (2, False), (3, True), (4, True), (5, False)]
)


class Referee:
    """What the files of a result say, and what follows from them."""

    def __init__(self, out: Path):
        self.summary = json.loads((out / "summary.json").read_text())
        self.sessions = _rows(out / "inputs" / "sessions.parquet", "session_id")
        self.sites = _rows(out / "inputs" / "sites.parquet", "site_id")
        self.prices = _rows(out / "inputs" / "prices.parquet", "time_utc")
        self.load = _by_pair(out / "inputs" / "site_load.parquet", "load_kw")
        self.schedule = pl.read_parquet(out / "schedule.parquet").rows(named=True)
        self.site_power = _by_pair(out / "sites.parquet", "power_kw")
        self.step_h = self.summary["step_h"]
        self.times = sorted(self.prices)
        self.end = self.times[-1] + timedelta(hours=self.step_h)

    def power_excess_kw(self):
        """How far the powers leave what the charger and the time plugged in allow."""
        worst = 0.0
        for row in self.schedule:
            session = self.sessions[row["session_id"]]
            share = self._share(session, row["time_utc"])
            lowest = -session["max_charge_kw"] * share
            highest = session["max_discharge_kw"] * share
            worst = max(worst, lowest - row["power_kw"], row["power_kw"] - highest)
        return worst

    def energy_errors_kwh(self):
        """How far energies leave their balance, and their limits or what is owed."""
        held = {name: session["energy_arrival_kwh"] for name, session in self.sessions.items()}
        balance = limits = 0.0
        for row in sorted(self.schedule, key=lambda row: row["time_utc"]):
            name, session = row["session_id"], self.sessions[row["session_id"]]
            held[name] += self._into_cells(session, row["power_kw"])
            balance = max(balance, abs(held[name] - row["energy_kwh"]))
            floor = min(session["energy_reserve_kwh"], session["energy_arrival_kwh"])
            limits = max(limits, floor - held[name], held[name] - session["capacity_kwh"])
        short = {i["session_id"]: i["shortfall_kwh"] for i in self.summary["shortfalls"]}
        for name, session in self.sessions.items():
            if session["departure_utc"] <= self.end:
                owed = session["energy_departure_kwh"] - short.get(name, 0.0)
                limits = max(limits, owed - held[name])
        return balance, limits

    def site_errors_kw(self):
        """How far the powers of sites leave the sums of what is below, and their limits."""
        total = defaultdict(float)
        for row in self.schedule:
            for site in self._chain(self.sessions[row["session_id"]]["site_id"]):
                total[site, row["time_utc"]] += row["power_kw"]
        for (name, time), load in self.load.items():
            for site in self._chain(name):
                total[site, time] -= load
        sums = excess = 0.0
        for (name, time), power in self.site_power.items():
            sums = max(sums, abs(power - total[name, time]))
            site = self.sites[name]
            for limit, flow in (("import_limit_kw", -power), ("export_limit_kw", power)):
                if site[limit] is not None:
                    excess = max(excess, flow - site[limit])
        return sums, excess

    def drawn_kwh(self, name: str):
        """Energy that a site draws over the horizon, by sessions and load, less what is fed."""
        return -self.step_h * sum(kw for (at, _), kw in self.site_power.items() if at == name)

    def net_cost(self):
        """Energy, wear, carbon, demand charge, and energy left in vehicles that stay."""
        cost = 0.0
        at_meter = defaultdict(float)
        for site, time in self.site_power:
            if self.sites[site]["net_metering"]:
                at_meter[site, time] = 0.0
        for row in self.schedule:
            session, time = self.sessions[row["session_id"]], row["time_utc"]
            energy = row["power_kw"] * self.step_h
            cost += self.wear(row)
            meters = [s for s in self._chain(session["site_id"]) if self.sites[s]["net_metering"]]
            if meters:
                at_meter[meters[0], time] += energy
            else:
                cost += self._bill(time, energy)
        for (site, time), energy in at_meter.items():
            below = [name for name in self.sites if site in self._chain(name)]
            load = sum(self.load[name, time] for name in below) * self.step_h
            cost += self._bill(time, energy - load)
        return cost + self._demand_charges() - self._value_left()

    def wear(self, row: dict[str, Any]):
        """Cost of wear of one session in one step."""
        session, fed_kw = self.sessions[row["session_id"]], max(row["power_kw"], 0.0)
        per_kwh = session["wear_cost_per_kwh"] + session["wear_rise_per_kwh_per_kw"] * fed_kw
        return per_kwh * fed_kw * self.step_h

    def _demand_charges(self):
        peaks = defaultdict(float)
        for (site, _), power in self.site_power.items():
            peaks[site] = max(peaks[site], -power)
        return sum(peaks[name] * site["demand_charge_per_kw"] for name, site in self.sites.items())

    def _value_left(self):
        change = sum(
            self._into_cells(self.sessions[row["session_id"]], row["power_kw"])
            for row in self.schedule
            if self.sessions[row["session_id"]]["departure_utc"] > self.end
        )
        return self.summary["end_value_per_kwh"] * change

    def _bill(self, time: datetime, energy_kwh: float):
        price = self.prices[time]
        side = "export" if energy_kwh > 0 else "import"
        per_mwh = price[f"{side}_price_per_mwh"] + price["carbon_price_per_mwh"]
        return -energy_kwh * per_mwh / 1000

    def _into_cells(self, session: dict[str, Any], power_kw: float):
        if power_kw < 0:
            return -power_kw * session["efficiency_charge"] * self.step_h
        return -power_kw / session["efficiency_discharge"] * self.step_h

    def _share(self, session: dict[str, Any], time: datetime):
        until = min(session["departure_utc"], time + timedelta(hours=self.step_h))
        since = max(session["arrival_utc"], time)
        return max(0.0, (until - since) / timedelta(hours=self.step_h))

    def _chain(self, site: str | None):
        return [] if site is None else [site, *self._chain(self.sites[site]["parent_id"])]


def _rows(path: Path, key: str):
    return {row[key]: row for row in pl.read_parquet(path).rows(named=True)}


def _by_pair(path: Path, value: str):
    rows = pl.read_parquet(path).rows(named=True)
    return {(row["site_id"], row["time_utc"]): row[value] for row in rows}


@CASES
def test_the_net_cost_is_the_objective(planned: Planned, seed: int, meter: bool):
    referee = Referee(planned(seed, meter=meter)[1])
    assert referee.net_cost() == pytest.approx(referee.summary["objective"], abs=1e-6)


@CASES
def test_every_limit_is_kept_as_well_as_the_summary_says(planned: Planned, seed: int, meter: bool):
    referee = Referee(planned(seed, meter=meter)[1])
    told = referee.summary["max_violation"]
    found = {
        "power_kw": referee.power_excess_kw(),
        "energy_kwh": referee.energy_errors_kwh()[1],
        "site_kw": max(0.0, referee.site_errors_kw()[1]),
    }
    assert found == pytest.approx(told, abs=1e-6)
    assert max(found.values()) < 1e-5


@CASES
def test_energies_and_site_powers_follow_from_the_powers(planned: Planned, seed: int, meter: bool):
    referee = Referee(planned(seed, meter=meter)[1])
    assert referee.energy_errors_kwh()[0] < 1e-6
    assert referee.site_errors_kw()[0] < 1e-6


def test_every_session_has_a_row_for_each_step_it_is_plugged_in(planned: Planned):
    referee = Referee(planned(1)[1])
    rows = {(row["session_id"], row["time_utc"]) for row in referee.schedule}
    assert len(rows) == len(referee.schedule)
    assert rows == {
        (name, time)
        for name, session in referee.sessions.items()
        for time in referee.times
        if referee._share(session, time) > 0
    }


@CASES
def test_a_budget_and_a_wear_that_rises_count_as_told(planned: Planned, seed: int, meter: bool):
    free = Referee(planned(seed, meter=meter)[1])
    budget = free.drawn_kwh("feeder") - 8.0
    feeder, *others = configuration(meter)["site"]
    changed = {
        "site": [{**feeder, "energy_budget_kwh": budget}, *others],
        "assumptions": {"wear_rise_per_kwh_per_kw": 0.0005},
    }
    held = Referee(planned(seed, meter=meter, **changed)[1])
    summary = held.summary
    assert held.net_cost() == pytest.approx(summary["objective"], rel=1e-6)
    assert held.drawn_kwh("feeder") == pytest.approx(budget, abs=1e-5)
    (told,) = summary["budgets"]
    assert told["drawn_kwh"] == pytest.approx(budget, abs=1e-5)
    assert told["shadow_price_per_mwh"] > 0
    assert summary["gap"] <= 1e-5
    wear = summary["cost_items"]["v2g"]["wear"]
    assert wear == pytest.approx(sum(map(held.wear, held.schedule)), abs=1e-8)


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_the_referee_notices_a_schedule_that_is_not_the_plan(planned: Planned, factor: float):
    referee = Referee(planned(1)[1])
    for row in referee.schedule:
        row["power_kw"] *= factor
    assert referee.net_cost() != pytest.approx(referee.summary["objective"], abs=1e-3)
    assert referee.energy_errors_kwh()[0] > 1e-3
    assert referee.site_errors_kw()[0] > 1e-3

"""Families of random cases; a seed always makes the same case.

``general`` has trees of sites with everything a plan can have; ``home`` solar power behind an
export limit; ``depot`` buses and cars under a demand charge; ``rolling`` plans made again and
again near limits; ``give_way`` loads and generation that exceed limits by themselves, and energy
that cannot be served.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from tests.referee.cases import (
    Case,
    Row,
    add_battery,
    add_limits_by_step,
    add_series,
    add_site,
    add_solar,
    add_stay,
    horizon,
    owe,
    set_prices,
    set_tariff,
)


def draw(family: str, seed: int) -> Case:
    """The case of a family and a seed."""
    return FAMILIES[family](np.random.default_rng([sorted(FAMILIES).index(family), seed]))


def _general(rng: np.random.Generator) -> Case:
    """Trees to depth 4 with everything a plan could have before generation was an input."""
    start = datetime(2025, 3, 29, 20, tzinfo=UTC)
    case = horizon(rng, start, [(15, 5), (30, 9), (60, 20), (60, 24)])
    names = _tree(case, depth=int(rng.integers(1, 5)))
    hours = -(-case.hours // 1)
    low = case.one_of(5.0, -80.0)
    buy = rng.uniform(low, 300, hours)
    sell = buy - (rng.uniform(0, 60, hours) if case.chance(0.5) else 0.0)
    if case.chance(0.2):
        sell = buy + rng.uniform(-20, 20, hours)
    set_prices(case, buy, sell, rng.uniform(0, 40, hours) if case.chance(0.25) else None)
    rising = case.chance(0.2)
    for _ in range(int(rng.integers(1, 7))):
        before, after = case.chance(0.3), case.chance(0.3)
        arrival = case.among(-case.hours / 2 if before else 0, case.hours * 0.8, 2)
        last = case.hours * 1.4 if after else case.hours
        departure = case.among(max(arrival + 0.4, 0.4), max(last, arrival + 0.5, 0.5), 2)
        row = add_stay(case, case.one_of(*names), arrival, departure)
        owe(case, row, case.one_of(0.0, case.among(0, 1), case.among(0, 1), 1.0))
        if case.chance(0.3):
            row["energy_reserve_kwh"] = round(row["capacity_kwh"] * case.among(0, 0.6), 4)
        if case.chance(0.1):
            row[case.one_of("max_charge_kw", "max_discharge_kw")] = 0.0
        if rising:
            row["wear_rise_per_kwh_per_kw"] = case.among(0, 0.01, 5)
    if case.chance(0.3):
        add_battery(case, case.one_of(*names), case.among(10, 60), case.among(2, 30))
    if case.chance(0.5):
        for name in names:
            if case.chance(0.5):
                load = rng.uniform(case.one_of(0, -8), 12, case.hours)
                add_series(case, "site_load", "load_kw", name, load)
    if case.chance(0.2):
        add_limits_by_step(case, names)
    if case.chance(0.3):
        case.settings["solve"] = {"end_value_per_mwh": case.among(0, 200)}
    return case


def _tree(case: Case, depth: int) -> list[str]:
    """Sites level by level, with limits, budgets and demand charges; one level may have meters."""
    level, names = [""], []
    metered = int(case.rng.integers(depth)) if case.chance(0.3) else -1
    limited, budgets, demand = case.chance(0.6), case.chance(0.25), case.chance(0.35)
    for depth_now in range(depth):
        below = []
        for parent in level:
            for _ in range(int(case.rng.integers(1, 3)) if depth_now else 1):
                row = add_site(case, f"s{len(names)}", parent)
                row["net_metering"] = depth_now == metered and case.chance(0.7)
                if limited and case.chance(0.7):
                    row["import_limit_kw"] = case.one_of(case.among(3, 40), case.among(3, 40), 0.0)
                if limited and case.chance(0.7):
                    row["export_limit_kw"] = case.one_of(case.among(2, 30), case.among(2, 30), 0.0)
                if budgets and case.chance(0.4):
                    row["energy_budget_kwh"] = case.among(0, 100)
                if demand and case.chance(0.5):
                    row["demand_charge_per_kw"] = case.among(0.01, 2)
                names.append(row["site_id"])
                below.append(row["site_id"])
        level = below
    return names


def _home(rng: np.random.Generator) -> Case:
    """One home: solar power, an export limit, a battery or none, cars, a meter or none."""
    month = int(rng.integers(3, 11))
    start = datetime(2025, month, 11, int(rng.integers(4, 12)), tzinfo=UTC)
    case = horizon(rng, start, [(60, 12), (60, 18), (30, 8), (15, 6)])
    set_tariff(case, case.one_of("flat", "tou", "spot", "negative", "night", "feed_in", "punished"))
    peak = case.among(2, 12)
    home = add_site(case, "home", net_metering=case.chance(0.75))
    home["export_limit_kw"] = case.one_of(0.0, round(peak * case.among(0.2, 0.9), 3), 100.0)
    if case.chance(0.4):
        home["import_limit_kw"] = case.one_of(17.0, case.among(4, 12))
    if case.chance(0.25):
        home["demand_charge_per_kw"] = case.among(0.05, 4)
    add_series(case, "site_load", "load_kw", "home", rng.uniform(0.2, 2.5, case.hours))
    add_solar(case, "home", peak)
    if case.chance(0.7):
        add_battery(case, "home", case.among(5, 15), case.among(2, 6))
    cars = int(rng.integers(0, 3)) or int(not case.batteries)
    for _ in range(cars):
        arrival = case.among(-4, case.hours * 0.6, 2)
        departure = case.among(max(arrival, 0) + 0.5, case.hours * 1.3, 2)
        row = add_stay(case, "home", arrival, max(departure, 0.5))
        owe(case, row, case.one_of(0.0, case.among(0, 0.9), 1.0))
        if case.chance(0.3):
            row["energy_reserve_kwh"] = round(row["capacity_kwh"] * case.among(0.1, 0.4), 4)
    return case


def _depot(rng: np.random.Generator) -> Case:
    """Buses and cars under limits and demand charges, with solar power, over ends of periods."""
    start = datetime(2025, 1, 31, int(rng.integers(8, 20)), tzinfo=UTC)
    case = horizon(rng, start, [(60, 24), (60, 36), (30, 12)])
    set_tariff(case, case.one_of("flat", "tou", "spot", "negative", "night"))
    depot = add_site(case, "depot", net_metering=case.chance(0.6))
    depot["import_limit_kw"] = case.among(15, 60)
    depot["export_limit_kw"] = case.one_of(None, 0.0, case.among(2, 25))
    _demand(case, depot)
    places = ["depot"]
    if case.chance(0.4):
        yard = add_site(case, "yard", "depot", import_limit_kw=case.among(8, 40))
        for name in depot.keys() - yard.keys():
            yard[name] = {"demand_charge_period": "month", "demand_charge_peaks": 1}.get(name, 0.0)
        places.append("yard")
    load = rng.uniform(2, 15, case.hours)
    if case.chance(0.4):  # alone above the limit for some hours
        first = int(rng.integers(case.hours))
        load[first : first + 3] = depot["import_limit_kw"] + rng.uniform(1, 8)
    add_series(case, "site_load", "load_kw", "depot", load)
    if case.chance(0.7):
        add_solar(case, case.one_of(*places), case.among(5, 40))
    for _ in range(int(rng.integers(2, 6))):
        arrival = case.among(-6, case.hours * 0.7, 2)
        departure = case.among(max(arrival, 0) + 1.0, case.hours * 1.2, 2)
        row = add_stay(case, case.one_of(*places), arrival, max(departure, 1.0))
        if case.chance(0.5):
            capacity = case.among(100, 300)
            row |= {"capacity_kwh": capacity, "max_charge_kw": case.one_of(22.0, 50.0)}
            row["energy_arrival_kwh"] = round(capacity * case.among(0.1, 0.8), 3)
        owe(case, row, case.one_of(case.among(0, 0.6), case.among(0.5, 1), 1.0))
        if case.chance(0.2):
            row["energy_departure_kwh"] = row["capacity_kwh"]
    return case


def _demand(case: Case, site: Row) -> None:
    """A demand charge by period, with a peak that stands already, of one or several steps."""
    if case.chance(0.2):
        return
    site["demand_charge_per_kw"] = case.among(0.1, 6)
    site["demand_charge_period"] = case.one_of("month", "month", "day", "week", "horizon")
    site["demand_peak_kw"] = case.one_of(0.0, case.among(5, 30))
    site["demand_charge_peaks"] = case.one_of(1, 1, 2, 4)


def _rolling(rng: np.random.Generator) -> Case:
    """Homes or depots near their limits, planned again and again with what is known."""
    case = (_home if rng.random() < 0.5 else _depot)(rng)
    site = case.tables["sites"][0]
    site["import_limit_kw"] = case.among(3, 12) if site["site_id"] == "home" else case.among(8, 25)
    hour = case.step_min / 60
    every = hour * case.one_of(1, 1, 2, 3)
    window = every * int(rng.integers(1, 5))
    case.settings["rolling"] = {
        "window_h": window,
        "replan_every_h": every,
        "known_h": case.one_of(0.0, hour, every),
    }
    return case


def _give_way(rng: np.random.Generator) -> Case:
    """Loads and must-take generation that exceed limits and budgets; energy out of reach."""
    start = datetime(2025, 1, 14, int(rng.integers(0, 20)), tzinfo=UTC)
    case = horizon(rng, start, [(60, 6), (60, 10), (30, 5)])
    set_tariff(case, case.one_of("flat", "tou", "spot", "negative", "night"))
    top = add_site(case, "top", net_metering=case.chance(0.3))
    places = ["top"]
    for i in range(int(rng.integers(0, 3))):
        places.append(f"below{i}")
        add_site(case, f"below{i}", "top")
    for row in case.tables["sites"]:
        if case.chance(0.7):
            row["import_limit_kw"] = case.one_of(case.among(2, 15), 0.0, 10.0)
        if case.chance(0.5):
            row["export_limit_kw"] = case.one_of(case.among(1, 10), 0.0, 5.0)
        if case.chance(0.3):
            row["energy_budget_kwh"] = case.among(0, 40)
    if case.chance(0.3):
        top["demand_charge_per_kw"] = case.one_of(12.0, case.among(0.5, 12))
    for name in places:
        load = rng.uniform(case.one_of(-12, 0, 5), 16, case.hours)
        add_series(case, "site_load", "load_kw", name, load)
    if case.chance(0.3):
        add_solar(case, case.one_of(*places), case.among(3, 15))
    for _ in range(int(rng.integers(1, 5))):
        arrival = case.among(0, case.hours * 0.6, 1)
        departure = case.among(arrival + 1, case.hours * 1.1, 1)
        row = add_stay(case, case.one_of(*places), arrival, max(departure, arrival + 1))
        kind = case.one_of("owed", "out of reach", "feeds only", "below reserve", "full")
        if kind == "feeds only":
            row |= {"max_charge_kw": 0.0, "max_discharge_kw": 11.0}
            continue
        owe(case, row, 1.0 if kind in ("out of reach", "full") else case.among(0, 1))
        if kind == "out of reach":
            row["energy_departure_kwh"] = row["capacity_kwh"]
        elif kind == "below reserve":
            most = row["capacity_kwh"]
            reserve = min(most, row["energy_arrival_kwh"] + case.among(1, 12))
            row["energy_reserve_kwh"] = round(reserve, 4)
        elif kind == "full":
            full = row["capacity_kwh"]
            row |= {"energy_arrival_kwh": full, "energy_departure_kwh": full}
    return case


FAMILIES: dict[str, Callable[[np.random.Generator], Case]] = {
    "general": _general,
    "home": _home,
    "depot": _depot,
    "rolling": _rolling,
    "give_way": _give_way,
}

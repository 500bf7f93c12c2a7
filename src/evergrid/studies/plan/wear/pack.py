"""Limits of packs in a plan: what cells can do at their state and temperature."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from evergrid.battery.pack import Pack
from evergrid.battery.thermal import ThermalMass
from evergrid.core.units import J_PER_KJ
from evergrid.dispatch.equipment.pack_limits import FleetPacks, PackAssessment
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule
from evergrid.report.page import Section, Table
from evergrid.studies.plan import service
from evergrid.studies.plan.config import Config

LEAST_MISSING_KWH = 1e-3  # of a session, below which its energy is there


def packs(config: Config) -> FleetPacks | None:
    """The packs that a configuration asks for; None without.

    Raises:
        InputError: A pack that cannot be.
    """
    given = config.pack
    if given is None:
        return None
    pack = Pack(
        capacity_kwh=given.capacity_kwh,
        state=np.array(given.state),
        rest_v=np.array(given.rest_v),
        least_v=given.least_v,
        most_v=given.most_v,
        most_a=given.most_a,
        resistance_ohm=given.resistance_ohm,
        activation_k=given.activation_k,
        charge_temperature_c=np.array(given.charge_temperature_c),
        charge_share=np.array(given.charge_share),
        mass=ThermalMass(given.heat_capacity_kj_per_k * J_PER_KJ, given.conductance_w_per_k),
    )
    arrival_c = given.air_c if given.arrival_c is None else given.arrival_c
    return FleetPacks(pack, given.air_c, arrival_c)


def assessments(
    portfolio: Portfolio, model: FleetPacks, schedules: Mapping[str, Schedule]
) -> dict[str, PackAssessment]:
    """Each strategy by the model."""
    return {name: PackAssessment(portfolio, made, model) for name, made in schedules.items()}


def summary(found: Mapping[str, PackAssessment]) -> dict[str, Any]:
    """Packs in ``summary.json``."""
    return {
        "air_c": found["v2g"].packs.air_c,
        "arrival_c": found["v2g"].packs.arrival_c,
        "strategies": {
            name: {
                "undone_kwh": float(one.undone_kwh.sum()),
                "limited_slots": one.limited,
                "missing_kwh": float(one.missing_kwh.sum()),
                "sessions_missing": int((one.missing_kwh > LEAST_MISSING_KWH).sum()),
                "lowest_cell_c": _end(one, np.nanmin),
                "highest_cell_c": _end(one, np.nanmax),
            }
            for name, one in found.items()
        },
    }


def _end(one: PackAssessment, end: Any) -> float:
    celsius = one.paths.temperature_c
    return float(end(celsius)) if np.isfinite(celsius).any() else one.packs.arrival_c


def line(s: Mapping[str, Any]) -> str:
    """What packs cannot do of the V2G plan, in one line."""
    made = s["pack"]["strategies"]["v2g"]
    if not made["limited_slots"]:
        return f"can do all of the plan at {s['pack']['air_c']:g} C"
    slots = service.counted(made["limited_slots"], "slot")
    text = f"cannot do {made['undone_kwh']:,.1f} kWh of the plan, in {slots}"
    if made["sessions_missing"]:
        missing = service.counted(made["sessions_missing"], "session")
        text += f"; {missing} would miss {made['missing_kwh']:,.2f} kWh"
    return text


def section(s: Mapping[str, Any], names: Mapping[str, str]) -> Section:
    """What packs cannot do of every strategy, as a table."""
    columns = ("strategy", "not done, kWh", "slots limited", "missing, kWh")
    columns += ("sessions missing any", "cells, C")
    rows = [
        (
            names[name],
            f"{one['undone_kwh']:,.2f}",
            f"{one['limited_slots']:,}",
            f"{one['missing_kwh']:,.2f}",
            f"{one['sessions_missing']:,}",
            f"{one['lowest_cell_c']:.1f} to {one['highest_cell_c']:.1f}",
        )
        for name, one in s["pack"]["strategies"].items()
    ]
    text = (
        f"Packs arrive at {s['pack']['arrival_c']:g} C and stand in air of {s['pack']['air_c']:g} "
        "C. Each is followed through the plan: what its voltage, its current and the cold do not "
        "let it draw or feed is not done. Missing is energy owed at departure that would then not "
        "be there, and is by the plan."
    )
    return Section("Limits of the packs", text, Table(columns, rows))

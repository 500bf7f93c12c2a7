"""Losses of chargers in a plan: by its efficiencies, and by their power."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from evergrid.battery.converter import MEASURED_ROUND_TRIP, Converter, LossCurve
from evergrid.core.units import W_PER_KW
from evergrid.dispatch.equipment.part_load import ChargerLosses, LossAssessment
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule
from evergrid.report.page import Section, Table
from evergrid.studies.plan import service
from evergrid.studies.plan.config import Config

LEAST_MISSING_KWH = 1e-3  # of a session, below which its energy is there


def losses(config: Config) -> ChargerLosses | None:
    """The losses that a configuration asks for; None without.

    Raises:
        InputError: A round trip that the curves cannot give.
    """
    given = config.converter
    if given is None:
        return None
    curve = LossCurve(given.k0, given.k1 or 0.0, given.k2)
    converter = Converter(1.0, curve, curve)
    round_trip = given.round_trip
    if round_trip is None and given.k1 is None:
        round_trip = MEASURED_ROUND_TRIP
    if round_trip is not None:
        cells = given.cell_efficiency**2
        converter = converter.calibrated(round_trip, given.round_trip_share, cells)
    return ChargerLosses(converter, given.standby_w / W_PER_KW, given.cell_efficiency)


def assessments(
    portfolio: Portfolio, model: ChargerLosses, schedules: Mapping[str, Schedule]
) -> dict[str, LossAssessment]:
    """Each strategy by the model."""
    return {name: LossAssessment(portfolio, made, model) for name, made in schedules.items()}


def summary(found: Mapping[str, LossAssessment]) -> dict[str, Any]:
    """Losses in ``summary.json``."""
    model = found["v2g"].losses
    return {
        **asdict(model.converter.charge),
        "round_trip_at_rating": model.round_trip_at_rating,
        "strategies": {
            name: {
                "loss_by_plan_kwh": one.by_plan_kwh,
                "loss_by_model_kwh": one.by_model_kwh,
                "standby_kwh": one.standby_kwh,
                "missing_kwh": float(one.missing_kwh.sum()),
                "sessions_missing": int((one.missing_kwh > LEAST_MISSING_KWH).sum()),
            }
            for name, one in found.items()
        },
    }


def line(s: Mapping[str, Any]) -> str:
    """Losses of the V2G plan in one line."""
    made = s["converter"]["strategies"]["v2g"]
    text = (
        f"{made['loss_by_model_kwh']:,.1f} kWh lost by the chargers' power, "
        f"{made['loss_by_plan_kwh']:,.1f} by the plan's efficiencies, "
        f"{made['standby_kwh']:,.1f} in standby"
    )
    if made["sessions_missing"]:
        text += (
            f"; {service.counted(made['sessions_missing'], 'session')} would miss "
            f"{made['missing_kwh']:,.2f} kWh"
        )
    return text


def section(s: Mapping[str, Any], names: Mapping[str, str]) -> Section:
    """Losses of every strategy as a table."""
    made = s["converter"]
    columns = ("strategy", "lost by the plan, kWh", "lost by the model, kWh", "standby, kWh")
    columns += ("missing, kWh", "sessions missing any")
    rows = [
        (
            names[name],
            f"{one['loss_by_plan_kwh']:,.1f}",
            f"{one['loss_by_model_kwh']:,.1f}",
            f"{one['standby_kwh']:,.1f}",
            f"{one['missing_kwh']:,.2f}",
            f"{one['sessions_missing']:,}",
        )
        for name, one in made["strategies"].items()
    ]
    text = (
        f"At its rating a charger gives back {100 * made['round_trip_at_rating']:.1f} % of what it "
        "draws, cells included; at little power less, as it loses "
        f"{100 * made['k0']:.2g} % of its rating whenever it runs. The plan counts with a constant "
        "efficiency of each session, in both directions. Missing is energy owed at departure "
        "that would not be there by the model; standby is what chargers draw while a vehicle is "
        "plugged in and nothing flows, which no cost above has in it."
    )
    return Section("Losses of the chargers", text, Table(columns, rows))

"""How a plan's report tells of batteries: a line, notes, a figure and tables."""

from collections.abc import Mapping
from typing import Any

from plotly.graph_objects import Figure

from evergrid.report import figures as draw
from evergrid.report.page import Section, Table
from evergrid.studies.plan import service
from evergrid.studies.plan.wear.wear import CONSTANT, WearResults

NAMES = service.NAMES | {CONSTANT: "V2G, constant price of wear"}
PPM = 1e6
READING = {
    "wear_by_strategy": "What the ageing model says of each strategy, in money of lost capacity. "
    "What is lost by time a parked car loses too, and more so a full one; what is lost by use is "
    "taken by driving and V2G.",
}
LEFT = {
    "temperature": "a temperature",
    "depth": "a depth of cycles",
    "rate": "a current",
    "state": "a state of charge",
}


def line(s: Mapping[str, Any], currency: str) -> str:
    """Wear in one line."""
    made = s["wear"]
    told, true = (made["added_by_v2g"][key] for key in ("by_prices", "by_model"))
    text = (
        f"V2G adds {service.amount(told)} {currency} by prices, {service.amount(true)} by the "
        f"{made['model']} model"
    )
    if CONSTANT in made["strategies"]:
        text += f"; {_gain(made)} {currency} better than with a constant price"
    left = [name for name, count in made["beyond_tests"].items() if count]
    return f"{text}; outside its experiments: {', '.join(left)}" if left else text


def _gain(made: Mapping[str, Any]) -> str:
    """What knowing the state gains, with wear by the model."""
    by_name = made["strategies"]
    return service.amount(by_name[CONSTANT]["net_by_model"] - by_name["v2g"]["net_by_model"])


def warranty_line(s: Mapping[str, Any]) -> str:
    """The warranty in one line."""
    made = s["warranty"]
    return (
        f"{made['fed_kwh']:,.1f} of {made['allowed_kwh']:,.1f} kWh fed that it allows, "
        f"{service.counted(made['assets_at_limit'], 'asset')} of {made['assets']:,} at the limit"
    )


def notes(s: Mapping[str, Any]) -> list[str]:
    """What the reader must know of the ageing model."""
    made = s["wear"]
    told = [
        f"Wear is by the model {made['model']} ({made['source']}), of cells, at one temperature. "
        "Published models differ by a factor of several: compare them with evergrid new "
        "battery_life.",
        "Where a car is between its sessions is not known: its state of charge is taken to change "
        "evenly, and its battery to have lived at this temperature so far.",
    ]
    left = [
        f"{LEFT[name]} ({service.counted(count, 'battery').replace('batterys', 'batteries')})"
        for name, count in made["beyond_tests"].items()
        if count
    ]
    if left:
        told.append(
            f"The plan leaves the experiments that the model was fitted to by {', '.join(left)}: "
            "there it is extrapolated."
        )
    return told


def figure(found: WearResults, currency: str) -> Figure:
    """What batteries lose under each strategy."""
    worth = found.batteries.value.cost_per_kwh_lost * found.batteries.fleet.new_kwh
    made = found.assessments
    lost = {
        "by time": [float(worth @ one.added.calendar) for one in made.values()],
        "by use": [float(worth @ one.added.cycle) for one in made.values()],
    }
    beyond = [any(one.beyond.values()) for one in made.values()]
    return draw.wear_by_strategy([NAMES[name] for name in made], lost, beyond, currency=currency)


def section(s: Mapping[str, Any], currency: str) -> Section:
    """Strategies by the model as a table."""
    made = s["wear"]
    columns = ("strategy", f"cash, {currency}", f"energy left, {currency}")
    columns += (f"wear by prices, {currency}", f"wear by the model, {currency}")
    columns += (f"net by the model, {currency}", "lost by time, ppm", "lost by use, ppm")
    columns += ("full cycles", "fed, kWh")
    rows = [
        (
            NAMES[name],
            *(
                service.amount(one[key])
                for key in (
                    "cash",
                    "energy_left",
                    "wear_by_prices",
                    "wear_by_model",
                    "net_by_model",
                )
            ),
            f"{PPM * one['lost_by_time']:,.0f}",
            f"{PPM * one['lost_by_use']:,.0f}",
            f"{one['full_cycles']:.3f}",
            f"{one['fed_kwh']:,.1f}",
        )
        for name, one in made["strategies"].items()
    ]
    fed, held = made["price_per_kwh_fed"], made["price_per_kwh_day_held"]
    text = (
        f"Batteries hold {100 * made['capacity_before']:.1f} % of their new capacity on average. "
        f"A kWh fed costs {fed['least']:.4f} to {fed['most']:.4f} {currency} of wear, a kWh held "
        f"for a day {held['least']:.5f} to {held['most']:.5f}; prices are slopes, so their sum is "
        "counted from an empty battery at rest, and only differences compare with the model. "
        "Losses are means over the fleet, in millionths of the new capacity."
    )
    if CONSTANT in made["strategies"]:
        by_name = made["strategies"]
        cycles = [by_name[name]["full_cycles"] for name in ("v2g", CONSTANT)]
        text += (
            f" The plan that knows the state of its batteries is {_gain(made)} {currency} better, "
            f"wear by the model counted, than the plan that pays "
            f"{made['compared_per_kwh']:g} {currency} for each kWh fed, with {cycles[0]:.2f} full "
            f"cycles for each battery instead of {cycles[1]:.2f}."
        )
    return Section("Batteries under each strategy", text, Table(columns, rows))

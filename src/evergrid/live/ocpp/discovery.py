"""What can a station do that has just connected, and what must it know before any order?

It is asked for the variables of its device model, told how often to send meter values, and given
the default profile that it falls back to. A station that only lost its link sends no
BootNotification; it is asked all the same.
"""

import asyncio
from typing import Any

from evergrid.live.clock import AbstractClock
from evergrid.live.devices.adapter import AbstractHandler, OrderResult
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.charging.abilities import ASKED, OF_OUTLETS, Abilities, Variable, abilities
from evergrid.live.ocpp.orders import Orders
from evergrid.live.ocpp.stations.connection import StationConnection
from evergrid.live.ocpp.wire.schemas import OCPP_2_1

AT_ONCE = 8  # variables in one request, where the station does not say how many it takes
MOST_AT_ONCE = 50
FIRST_OUTLET = 1  # stands for all: stations have outlets of one kind
_ITEMS = {
    "component": {"name": "DeviceDataCtrlr"},
    "variable": {"name": "ItemsPerMessage", "instance": "GetVariables"},
}
MEASURANDS = (
    "Power.Active.Import",
    "Power.Active.Export",
    "Energy.Active.Import.Register",
    "Energy.Active.Export.Register",
    "SoC",
    "Voltage",
    "Frequency",
)
REACTIVE = ("Power.Reactive.Import", "Power.Reactive.Export")
SETPOINT = "Power.Active.Setpoint"  # came with OCPP 2.1


async def describe(
    link: StationConnection,
    handler: AbstractHandler,
    orders: Orders,
    clock: AbstractClock,
    settings: Settings,
) -> None:
    """Ask a station what it can do, set it up, and tell the handler."""
    state = link.state
    told = await _variables(link, settings)
    if told is not None:
        state.abilities = abilities(state.version, told)
    elif state.abilities is None:  # else what it said before still holds
        state.abilities = Abilities(state.version)
    await _set_up(link, settings)
    await orders.send_floor(link)
    if not link.ended:
        with clock.working():
            await handler.described(state.identity, state.abilities.capabilities)


async def describe_when_ready(
    link: StationConnection,
    handler: AbstractHandler,
    orders: Orders,
    clock: AbstractClock,
    settings: Settings,
) -> None:
    """Wait a while for a BootNotification, describe, and again whenever the station boots."""
    timer = asyncio.create_task(_no_boot(link, clock, settings))
    try:
        while not link.ended:
            await link.booted.wait()
            timer.cancel()
            link.booted.clear()
            if link.pending:
                continue  # it boots again once it is let go
            await describe(link, handler, orders, clock, settings)
    finally:
        timer.cancel()


async def _no_boot(link: StationConnection, clock: AbstractClock, settings: Settings) -> None:
    """A station that has not booted by now has only lost its link."""
    await clock.sleep(settings.boot_wait_s)
    link.booted.set()


async def _variables(link: StationConnection, settings: Settings) -> dict[Variable, str] | None:
    """The values of those of `ASKED` that the station has; None where it stops answering."""
    items = await _ask(link, [_ITEMS], settings)
    if items is None:
        return None
    number = items.get(("DeviceDataCtrlr", "ItemsPerMessage"), "")
    at_once = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else AT_ONCE
    at_once = min(max(at_once, 1), MOST_AT_ONCE)
    told = await _ask_all(link, [_named(*variable) for variable in ASKED], at_once, settings)
    if not told:
        return told
    elsewhere = [
        _named(*variable, outlet=FIRST_OUTLET)
        for variable in ASKED
        if variable[0] in OF_OUTLETS and variable not in told
    ]
    of_outlet = await _ask_all(link, elsewhere, at_once, settings)
    return None if of_outlet is None else of_outlet | told


async def _ask_all(
    link: StationConnection, data: list[dict[str, Any]], at_once: int, settings: Settings
) -> dict[Variable, str] | None:
    told: dict[Variable, str] = {}
    for first in range(0, len(data), at_once):
        part = await _ask(link, data[first : first + at_once], settings)
        if part is None:
            return None
        told |= part
    return told


def _named(component: str, name: str, *, outlet: int | None = None) -> dict[str, Any]:
    place = {} if outlet is None else {"evse": {"id": outlet}}
    return {"component": {"name": component, **place}, "variable": {"name": name}}


async def _ask(
    link: StationConnection, data: list[dict[str, Any]], settings: Settings
) -> dict[Variable, str] | None:
    """The values that the station has; None without an answer in time."""
    answer = await link.request(
        "GetVariables", {"getVariableData": data}, timeout_s=settings.call_timeout_s
    )
    if answer.result in (OrderResult.TIMED_OUT, OrderResult.OFFLINE):
        return None
    return {
        (result["component"]["name"], result["variable"]["name"]): result["attributeValue"]
        for result in answer.payload.get("getVariableResult", ())
        if result["attributeStatus"] == "Accepted" and "attributeValue" in result
    }


async def _set_up(link: StationConnection, settings: Settings) -> None:
    """How often and what to measure. A station that refuses goes on as it was set up before."""
    measurands = MEASURANDS + ((SETPOINT,) if link.state.version == OCPP_2_1 else ())
    found = link.state.abilities
    if settings.reactive_power and found is not None and found.der_controls:
        measurands += REACTIVE
    values = (
        ("SampledDataCtrlr", "TxUpdatedInterval", str(settings.meter_interval_s)),
        ("SampledDataCtrlr", "TxUpdatedMeasurands", ",".join(measurands)),
        ("OCPPCommCtrlr", "HeartbeatInterval", str(settings.heartbeat_s)),
    )
    data = [
        {"component": {"name": component}, "variable": {"name": name}, "attributeValue": value}
        for component, name, value in values
    ]
    await link.request("SetVariables", {"setVariableData": data}, timeout_s=settings.call_timeout_s)

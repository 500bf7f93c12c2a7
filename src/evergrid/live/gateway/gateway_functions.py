"""What the controller and operators ask of stations beside orders, where gateways hold them."""

from typing import final

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.devices.adapter import OrderResult
from evergrid.live.gateway.exchange import FaultError, NoAnswerError
from evergrid.live.gateway.gateway_stations import GatewayStations
from evergrid.live.maintenance import AbstractMaintenance, ConnectionDetail, Renewal
from evergrid.live.ocpp.grid_functions import GridFunction

FUNCTION_PATIENCE_S = 80.0  # longer than a gateway waits for a function that is read back
LOOK_PATIENCE_S = 2.0  # of somebody who looks at a page


@final
class GatewayFunctions:
    """Sets functions of stations and takes them away, as `GridFunctions` of a central system does.

    Args:
        stations: Reaches the gateways.
    """

    def __init__(self, stations: GatewayStations) -> None:
        self._stations = stations

    async def set(self, station: str, function: GridFunction) -> OrderResult:
        """Give a function, which its gateway reads back."""
        return await self._stations.ask_order(
            "set_function", station, station, function, patience_s=FUNCTION_PATIENCE_S
        )

    async def clear(self, station: str, control: str, *, default: bool = False) -> OrderResult:
        """Take a function away."""
        return await self._stations.ask_order("clear_function", station, station, control, default)


@final
class GatewayMaintenance(AbstractMaintenance):
    """What operators ask of stations behind gateways.

    Args:
        stations: Reaches the gateways.
    """

    def __init__(self, stations: GatewayStations) -> None:
        self._stations = stations

    async def hold(self, station: str, on_hold: bool) -> None:
        """Let a station boot only later, through whichever gateway, or let it go.

        Raises:
            InputError: No such station is registered, or its gateway does not answer.
        """
        if not self._stations.is_registered(station):
            raise InputError("hold", [Fault("station", "be a registered one", (station,))])
        (self._stations.on_hold.add if on_hold else self._stations.on_hold.discard)(station)
        if self._stations.claims.holder(station) is None:
            return  # its gateway is told when it connects
        try:
            await self._stations.ask("hold", station, station, on_hold)
        except (NoAnswerError, FaultError) as error:
            fix = "What was asked holds once the station connects again."
            fault = Fault(
                "station", "be reached by its gateway", (str(error),), (station,), fix=fix
            )
            raise InputError("hold", [fault]) from error

    async def renew_password(self, station: str) -> Renewal:
        """Give a station another password."""
        return await self._renewal("renew_password", station)

    async def renew_certificate(self, station: str) -> Renewal:
        """Let a station ask for another certificate."""
        return await self._renewal("renew_certificate", station)

    async def _renewal(self, kind: str, station: str) -> Renewal:
        if self._stations.claims.holder(station) is None:
            return Renewal(OrderResult.OFFLINE, "it is not connected")
        try:
            return await self._stations.ask(kind, station, station)
        except NoAnswerError:
            return Renewal(OrderResult.TIMED_OUT, "its gateway does not answer")
        except FaultError as error:
            return Renewal(OrderResult.REFUSED, str(error))

    async def connection(self, station: str) -> ConnectionDetail:
        """What its gateway knows of a station."""
        if self._stations.claims.holder(station) is None:
            return ConnectionDetail(reason="it is connected to no gateway")
        try:
            return await self._stations.ask(
                "connection", station, station, patience_s=LOOK_PATIENCE_S
            )
        except (NoAnswerError, FaultError):
            return ConnectionDetail(reason="its gateway does not answer")

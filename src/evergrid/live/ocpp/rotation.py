"""How does a station get a new secret without ever being locked out?

The new secret is accepted beside the old one before the station is told. Its first use makes the
old one void; a station that lost the new one comes back with the old one.
"""

import secrets
from typing import final

from evergrid.live.devices.adapter import OrderResult
from evergrid.live.ocpp.admission.credentials import LONGEST_SECRET, AbstractCredentials
from evergrid.live.ocpp.admission.registry import Registry
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.stations.connection import StationConnection
from evergrid.live.ocpp.wire.outbox import Priority

SECRET_BYTES = 30  # 40 characters: the most that older editions take
_TAKEN = ("Accepted", "RebootRequired")


@final
class Rotation:
    """Gives stations new secrets.

    Args:
        registry: Of connections.
        credentials: The register of stations.
        settings: Time-outs.
    """

    def __init__(
        self,
        registry: Registry[StationConnection],
        credentials: AbstractCredentials,
        settings: Settings,
    ) -> None:
        self._registry, self._credentials, self._settings = registry, credentials, settings

    async def rotate(self, station: str) -> OrderResult:
        """Give a station a new secret of our making, which is shown to nobody.

        ACCEPTED means that the station has it; its link is then closed, so that it comes back
        with the new one. After a time-out either is accepted, as nobody knows which it has.
        """
        link = self._registry.get(station)
        if link is None:
            return OrderResult.OFFLINE
        secret = secrets.token_urlsafe(SECRET_BYTES)[:LONGEST_SECRET]
        following = self._credentials.hashed(station, secret)
        await self._credentials.set_next_secret(station, following)
        variable = {
            "component": {"name": "SecurityCtrlr"},
            "variable": {"name": "BasicAuthPassword"},
            "attributeValue": secret,
        }
        answer = await link.request(
            "SetVariables",
            {"setVariableData": [variable]},
            Priority.HOUSEKEEPING,
            timeout_s=self._settings.call_timeout_s,
        )
        results = answer.payload.get("setVariableResult", ())
        if any(result["attributeStatus"] in _TAKEN for result in results):
            await link.close("connect again with the new secret")
            return OrderResult.ACCEPTED
        if answer.result is OrderResult.ACCEPTED or answer.result is OrderResult.REJECTED:
            await self._credentials.set_next_secret(station, "")
            return OrderResult.REJECTED
        return answer.result

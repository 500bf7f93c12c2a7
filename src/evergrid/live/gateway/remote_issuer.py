"""The issuer of certificates as a gateway sees it: the authority's key stays with the service."""

from typing import final

from evergrid.live.devices.adapter import OrderResult
from evergrid.live.gateway.remote_controller import RemoteController
from evergrid.live.ocpp.certificates import AbstractIssuer, IssuedCertificate


@final
class RemoteIssuer(AbstractIssuer):
    """Asks the service, under the claim to the station.

    Args:
        controller: Through which it is asked.
    """

    def __init__(self, controller: RemoteController) -> None:
        self._controller = controller

    async def issue(self, station: str, csr: str) -> IssuedCertificate:
        """A certificate for a request of a station that is connected here.

        Raises:
            StoreError: The service does not answer, or the station is connected elsewhere.
        """
        return await self._controller.tell(station, "issue_certificate", station, csr)

    async def answered(self, station: str, fingerprint: str, result: OrderResult) -> None:
        """What the station said to its certificate."""
        kind = "certificate_answered"
        await self._controller.tell(station, kind, station, fingerprint, result)

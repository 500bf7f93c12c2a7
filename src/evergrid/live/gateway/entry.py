"""How gateways and their broker are configured."""

from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.live.signals.brokers.entry import ServerEntry


class NatsServerEntry(ServerEntry):
    """The NATS server between gateways and controller."""

    port: int = Field(default=4222, ge=1, le=65535)
    """Of the server."""


class GatewaySettings(BaseConfig):
    """Processes that hold the stations' connections, so that one machine or process is no limit."""

    count: int = Field(default=0, ge=0, le=64)
    """How many the service starts on its own machine; with 0 it holds the connections itself."""
    elsewhere: bool = False
    """Whether gateways run on other machines too, started there with `evergrid gateway`."""
    service: str = Field(default="service", pattern=r"^[A-Za-z0-9_-]{1,40}$")
    """Name on the broker, where several services share a server."""
    nats: NatsServerEntry | None = None
    """The server that is there; without it one is started, for this machine only."""
    lease_s: float = Field(default=5.0, ge=1, le=60)
    """Without a sign of life, after which a gateway is lost and its stations out of the offer."""

    alone_after_s: float = Field(default=10.0, ge=2, le=600)
    """Without a sign of life of the service, after which a gateway of a site goes on by itself."""

    @property
    def used(self) -> bool:
        """Whether stations are connected through gateways."""
        return self.count > 0 or self.elsewhere

    @model_validator(mode="after")
    def _reachable(self) -> "GatewaySettings":
        if self.elsewhere and self.nats is None:
            fix = "Name a server in [gateways.nats]; one that is started here is for this machine."
            fault = Fault("nats", "be given for gateways on other machines", fix=fix)
            raise ConfigError("config", [fault])
        return self

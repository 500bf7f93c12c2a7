"""How an operator's own line is set up."""

from ipaddress import ip_address
from typing import Literal

from pydantic import Field, field_validator, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault


class Iec104Entry(BaseConfig):
    """A controlled station that a control centre connects to."""

    address: str = "127.0.0.1"
    """Of this machine."""
    port: int = Field(default=2404, ge=0, le=65535)
    """0 for any that is free."""
    clients: tuple[str, ...] = ("127.0.0.1",)
    """Addresses of control centres; nobody else is let in."""
    common_address: int = Field(default=1, ge=1, le=65_534)
    """Of this station."""
    setpoint_address: int = Field(default=1001, ge=1, le=16_777_215)
    """Object that takes set-points (C_SE_NC, C_SE_TC)."""
    power_address: int = Field(default=2001, ge=1, le=16_777_215)
    """Object that tells the fleet's power (M_ME_NC)."""
    up_address: int = Field(default=2002, ge=1, le=16_777_215)
    """Object that tells what more could be fed."""
    down_address: int = Field(default=2003, ge=1, le=16_777_215)
    """Object that tells what less could be fed."""
    followed_address: int = Field(default=2004, ge=1, le=16_777_215)
    """Object that tells the set-point that is followed."""
    unit: Literal["kW", "MW"] = "MW"
    """Of all of them."""
    positive: Literal["into_grid", "from_grid"] = "into_grid"
    """Which way a positive number points, in all of them."""
    full_kw: float = Field(examples=[500.0], gt=0)
    """Power of a set-point that is the whole award; a larger one is refused."""
    select_first: bool = False
    """Whether a set-point must be selected before it is executed."""
    select_s: float = Field(default=10.0, gt=0, le=60)
    """For which a selection holds."""
    hold_s: float = Field(default=60.0, gt=0, le=3600)
    """For which a set-point holds without another, while its line is there."""
    report_s: float = Field(default=2.0, ge=0.5, le=60)
    """Between two measured values."""
    tag_s: float = Field(default=10.0, gt=0, le=600)
    """By which the time tag of a set-point may differ from our clock."""
    ca_file: str | None = Field(default=None, examples=["control-centre-ca.pem"])
    """Authority of control centres' certificates, PEM: TLS both ways, as by IEC 62351-3."""
    certificate_file: str | None = Field(default=None, examples=["station.pem"])
    """Our certificate, PEM."""
    key_file: str | None = Field(default=None, examples=["station.key"])
    """Its key, PEM."""
    trusted_network: bool = False
    """Whether the line is closed to others; without TLS the protocol has no password."""

    @field_validator("clients")
    @classmethod
    def _addresses(cls, clients: tuple[str, ...]) -> tuple[str, ...]:
        for client in clients:
            ip_address(client)  # says itself what is wrong
        return clients

    @model_validator(mode="after")
    def _closed_line(self) -> "Iec104Entry":
        faults = []
        try:
            here = ip_address(self.address).is_loopback
        except ValueError:
            here = False
            faults.append(Fault("address", "be an IP address", (self.address,)))
        tls = (self.ca_file, self.certificate_file, self.key_file)
        if any(tls) and not all(tls):
            faults.append(Fault("ca_file", "come with certificate_file and key_file", tls))
        if not (here or all(tls) or self.trusted_network):
            fix = "Give the three files, or set trusted_network where the line is closed."
            rule = "be this machine's own, use TLS, or be on a trusted network"
            faults.append(Fault("address", rule, (self.address,), fix=fix))
        objects = (
            self.setpoint_address,
            self.power_address,
            self.up_address,
            self.down_address,
            self.followed_address,
        )
        if len(set(objects)) < len(objects):
            faults.append(Fault("setpoint_address", "differ from the others", objects))
        if faults:
            raise ConfigError("config", faults)
        return self

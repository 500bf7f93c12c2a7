"""How a stationary battery is registered: where it is on the network, and who it belongs to."""

from ipaddress import ip_address

from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault


class ModbusBatteryEntry(BaseConfig):
    """One stationary battery that speaks SunSpec over Modbus TCP."""

    station: str = Field(examples=["battery-1"], pattern=r"^[A-Za-z0-9_.:+|@=*-]{1,48}$")
    """Its identity here."""
    site: str = Field(examples=["depot"], min_length=1)
    """Site that it is connected to."""
    host: str = Field(default="127.0.0.1", min_length=1, max_length=253)
    """Address on the network."""
    port: int = Field(default=502, ge=1, le=65535)
    """Of Modbus; 802 is usual with TLS."""
    unit: int = Field(default=1, ge=0, le=247)
    """Modbus unit behind that address."""
    charge_kw: float = Field(examples=[50.0], gt=0, le=100_000)
    """Most that it is told to draw; what it says itself counts where that is less."""
    discharge_kw: float = Field(default=0.0, ge=0, le=100_000)
    """Most that it is told to feed; what it says itself counts where that is less."""
    capacity_kwh: float | None = Field(default=None, gt=0, le=10_000_000)
    """Of the cells; needed where the battery does not say."""
    reserve_soc: float = Field(default=0.1, ge=0, lt=1)
    """Below which it is not discharged, such as for backup."""
    owner_token: str = Field(default="", max_length=255)
    """Token of whoever is paid for it, as of a driver."""
    poll_s: float = Field(default=4.0, ge=0.5, le=60)
    """Between two readings."""
    timeout_s: float = Field(default=2.0, gt=0, le=30)
    """For an answer."""
    ca_file: str | None = Field(default=None, examples=["battery-ca.pem"])
    """Authority of its certificate, PEM: Modbus over TLS."""
    certificate_file: str | None = Field(default=None, examples=["evergrid.pem"])
    """Our certificate for it, PEM."""
    key_file: str | None = Field(default=None, examples=["evergrid.key"])
    """Its key, PEM."""
    trusted_network: bool = False
    """Whether the network up to the battery is closed to others; plain Modbus has no password."""

    @property
    def only_here(self) -> bool:
        """Whether it is on this machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @model_validator(mode="after")
    def _closed_network(self) -> "ModbusBatteryEntry":
        if (self.certificate_file is None) != (self.key_file is None):
            fault = Fault("certificate_file", "come together with key_file", (), (self.station,))
            raise ConfigError("config", [fault])
        if not (self.only_here or self.ca_file or self.trusted_network):
            fix = "Give ca_file, or set trusted_network where nobody else can reach the battery."
            rule = "be on this machine, reached over TLS, or on a trusted network"
            fault = Fault("host", rule, (self.host,), (self.station,), fix=fix)
            raise ConfigError("config", [fault])
        return self

"""How a broker that a signal comes from is registered."""

import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.live import own_certificate


class ServerEntry(BaseConfig):
    """What it takes to reach a server of messages."""

    host: str = Field(default="127.0.0.1", min_length=1, max_length=253)
    """Its address."""
    user: str | None = Field(default=None, max_length=256)
    """Name to log in with."""
    password_file: str | None = Field(default=None, examples=["broker.password"])
    """File with the password, one line."""
    tls: bool = False
    """Whether the line is encrypted; needed where the broker is on another machine."""
    ca_file: str | None = Field(default=None, examples=["broker-ca.pem"])
    """Authority of its certificate, PEM; the system's where absent."""
    certificate_file: str | None = Field(default=None, examples=["evergrid.pem"])
    """Our certificate, PEM, with `key_file`, where the broker asks for one."""
    key_file: str | None = Field(default=None, examples=["evergrid.key"])
    """Its key, PEM."""
    timeout_s: float = Field(default=5.0, gt=0, le=60)
    """For an answer of the broker."""

    @model_validator(mode="after")
    def _encrypted(self) -> "ServerEntry":
        faults = []
        if not (self.tls or _only_here(self.host)):
            fix = "Set tls, or listen to a broker on this machine."
            faults.append(Fault("tls", "be set for another machine", (self.host,), fix=fix))
        if (self.user is None) != (self.password_file is None):
            faults.append(Fault("user", "come together with password_file", (self.user,)))
        if (self.certificate_file is None) != (self.key_file is None):
            faults.append(Fault("certificate_file", "come together with key_file"))
        if faults:
            raise ConfigError("config", faults)
        return self

    def password(self, folder: Path) -> str | None:
        """The password, read anew whenever it is needed.

        Raises:
            InputError: The file cannot be read.
        """
        if self.password_file is None:
            return None
        try:
            return (folder / self.password_file).read_text().strip()
        except OSError as error:
            raise _unreadable("password_file", self.password_file, error) from error

    def context(self, folder: Path) -> ssl.SSLContext | None:
        """How the line is encrypted; None where it is not.

        Raises:
            InputError: A certificate cannot be read.
        """
        if not self.tls:
            return None
        ca_file = None if self.ca_file is None else folder / self.ca_file
        try:
            context = ssl.create_default_context(cafile=ca_file)
            if self.certificate_file is not None and self.key_file is not None:
                own_certificate.load(
                    context, folder / self.certificate_file, folder / self.key_file
                )
        except OSError as error:
            raise _unreadable("ca_file", self.ca_file or "", error) from error
        return context


class BrokerEntry(ServerEntry):
    """What is common to brokers that a signal comes from."""

    positive: Literal["into_grid", "from_grid"] = "into_grid"
    """Which way a positive value points."""


class MqttEntry(BrokerEntry):
    """A signal by MQTT."""

    port: int = Field(default=8883, ge=1, le=65535)
    """Of the broker; 1883 is usual without TLS."""
    topic: str = Field(examples=["market/regulation"], pattern=r"^[^#+\x00]{1,256}$")
    """That the signal is published on."""
    version: Literal["5", "3.1.1"] = "5"
    """Of the protocol; only with 5 a broker keeps back what is too large."""


class NatsEntry(BrokerEntry):
    """A signal by NATS."""

    port: int = Field(default=4222, ge=1, le=65535)
    """Of the server."""
    subject: str = Field(
        examples=["market.regulation"], pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"
    )
    """That the signal is published on."""


def _only_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _unreadable(field: str, name: str, error: OSError) -> InputError:
    return InputError("config", [Fault(field, f"be a file that can be read: {error}", (name,))])

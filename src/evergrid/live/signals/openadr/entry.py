"""How a utility's OpenADR server is registered."""

from typing import Literal

from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault


class OpenAdrEntry(BaseConfig):
    """One program of one OpenADR 3 server, 3.0.1 or 3.1."""

    url: str = Field(examples=["https://vtn.example/openadr3/3.1.0"], min_length=1, max_length=500)
    """Where its interface begins; https, but for this machine."""
    program_id: str = Field(examples=["flex-1"], pattern=r"^[a-zA-Z0-9_-]{1,128}$")
    """Program whose events are followed."""
    site: str = Field(examples=["depot"], min_length=1)
    """Site that its limits are for."""
    follows: tuple[Literal["limits", "prices"], ...] = ("limits",)
    """What of its events is followed: limits of the site, prices of energy; its set-points are
    followed where `[signal]` names the program."""
    ven_name: str = Field(default="evergrid", pattern=r"^[a-zA-Z0-9_-]{1,128}$")
    """Our name, from which a random start is drawn."""
    client_id: str | None = Field(default=None, max_length=300)
    """For a token by client credentials; none is asked for where absent."""
    secret_file: str | None = Field(default=None, examples=["vtn.secret"])
    """File with the secret, one line."""
    secret_env: str | None = Field(default=None, examples=["VTN_SECRET"], max_length=300)
    """Environment variable with the secret, instead of a file."""
    token_url: str | None = Field(default=None, max_length=500)
    """Where a token is had; auth/token below `url` where absent."""
    ca_file: str | None = Field(default=None, examples=["vtn-ca.pem"])
    """Authority of its certificate, PEM; the system's where absent."""
    private_network: bool = False
    """Whether the server may have an address of a private network."""
    poll_s: float = Field(default=30.0, ge=1, le=3600)
    """Between two looks at its events."""
    timeout_s: float = Field(default=10.0, gt=0, le=60)
    """For each answer as a whole."""
    dispatch_sign: Literal["into_grid", "from_grid"] | None = None
    """Which way a positive DISPATCH_SETPOINT points; such events are refused where absent."""
    dispatch_full_kw: float | None = Field(default=None, gt=0)
    """Power of a DISPATCH_SETPOINT that is the whole award."""

    @model_validator(mode="after")
    def _credentials_together(self) -> "OpenAdrEntry":
        secrets = tuple(one for one in (self.secret_file, self.secret_env) if one is not None)
        if len(secrets) != (self.client_id is not None):
            rule = "come together with one of secret_file and secret_env"
            raise ConfigError("config", [Fault("client_id", rule, (self.client_id,))])
        return self

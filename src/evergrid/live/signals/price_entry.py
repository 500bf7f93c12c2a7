"""Where prices come from, as a configuration says it."""

from pydantic import Field

from evergrid.inputs.tables import PriceSource


class LivePriceSource(PriceSource):
    """Prices of a file that is looked at again and again, or of an address that is asked."""

    url: str | None = Field(default=None, examples=["https://prices.example/day-ahead.csv"])
    """Asked for the file: https, but on this machine. What was last good is kept in `file`."""
    poll_s: float = Field(default=300.0, ge=1, le=86_400)
    """Between two looks."""
    timeout_s: float = Field(default=20.0, gt=0, le=120)
    """For a whole answer."""
    most_mb: float = Field(default=10.0, gt=0, le=100)
    """Largest answer that is taken."""
    stale_h: float = Field(default=26.0, gt=0, le=168)
    """Without good prices from the address, after which there is an alarm."""
    ca_file: str | None = Field(default=None, examples=["prices-ca.pem"])
    """Authority of the server, where the system does not know it."""
    private_network: bool = False
    """Whether the address may be one of a private network."""

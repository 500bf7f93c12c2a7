"""How chargers follow a signal, as a configuration names it."""

from pydantic import Field

from evergrid.core.config import Config
from evergrid.model.charging.chargers import LEAST_A, USUAL_V


class ChargerControl(Config):
    """How chargers are told, and what they can do."""

    least_current_a: float = Field(default=LEAST_A, ge=0, le=32)
    """Below which a charger gives nothing, by phase."""
    step_a: float = Field(default=1.0, gt=0, le=16)
    """By which its current is set."""
    voltage_v: float = Field(default=USUAL_V, gt=0, le=500)
    """Of a phase; chargers above 7.4 kW have three."""
    latency_s: float = Field(default=0.2, ge=0, le=10)
    """Until an order takes effect."""
    message_loss: float = Field(default=0.02, ge=0, lt=1)
    """Share of orders that do not arrive, and are told again."""
    switch_limit: int = Field(default=20, ge=6, le=1000)
    """Contactor operations of a charger in a day that following may cause."""

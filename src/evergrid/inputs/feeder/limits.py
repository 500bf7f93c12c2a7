"""Which limits of a feeder must hold at every step, as a configuration gives them."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.grid.flow.monitored import TransformerBy
from evergrid.grid.limits.limits import Limits


class LimitSettings(BaseConfig):
    """What must hold at every step."""

    renamed: ClassVar[Mapping[str, str]] = {"worsening": "base_violation_tolerance"}

    low_pu: float = Field(default=0.9, gt=0, lt=2)
    """Lowest voltage at a load, per unit; EN 50160 has 0.9, ANSI C84.1 range A has 0.95."""
    high_pu: float = Field(default=1.1, gt=0, lt=2)
    """Highest voltage; EN 50160 has 1.1, ANSI C84.1 range A has 1.05."""
    line: float = Field(default=1.0, gt=0, le=5)
    """Greatest current of a conductor of a line over its rating."""
    transformer: float = Field(default=1.0, gt=0, le=5)
    """Greatest load of a transformer over its rating, at any step."""
    transformer_by: TransformerBy = "phase"
    """What of a transformer is held against its rating: the current in each "phase" of each
    winding, or the "total" of its phases' powers, which lets one phase exceed its rating."""
    unbalance: float = Field(default=0.02, gt=0, lt=1)
    """Greatest negative over positive sequence of the voltages at a bus."""
    base_violation_tolerance: float = Field(default=0.005, ge=0, le=1)
    """Share by which a limit that is violated without vehicles may be violated further."""

    @model_validator(mode="after")
    def _in_order(self) -> "LimitSettings":
        self.record()
        return self

    def record(self) -> Limits:
        """The limits as a record."""
        return Limits(**self.model_dump())

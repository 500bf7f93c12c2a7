"""The configuration of a study of value stacking."""

from typing import Literal

from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.inputs.information import Information
from evergrid.inputs.tables import Inputs

MOST_PRICE = 1e6  # per MW and hour, in any currency; more is no price


class ServiceEntry(BaseConfig):
    """One service that is sold beside energy, in the order in which they are stacked."""

    name: str = Field(examples=["reserve"], min_length=1)
    """What it is called."""
    direction: Literal["both", "up", "down"] = "both"
    """"up" to feed more or draw less when called, "down" the opposite, "both" for either way."""
    price_per_mw: float | None = Field(default=None, examples=[12.0], ge=-MOST_PRICE, le=MOST_PRICE)
    """Of a MW held through an hour, the same in all steps; on top of that of the file, if there is
    one."""
    file: str | None = Field(default=None, examples=["reserve.csv"])
    """Prices by time, relative to this file."""
    format: str = "table"
    """"table" for the columns time_utc and price_per_mw, or a public format such as "aemo"."""
    options: dict[str, str] = Field(default_factory=dict)
    """Choices of the format, such as { region = "SA1", price = "raise_reg_aud_mwh" }."""
    share_paid: float = Field(default=1.0, ge=0, le=10)
    """Of the price that is expected: acceptance, score, mileage."""
    hold_min: float = Field(default=30.0, ge=0, le=1440)
    """Time for which each vehicle could deliver one way, minutes."""
    hold_at: Literal["begin", "both"] = "both"
    """Whether that energy is held when a step begins, or when it ends, too."""
    block_min: float = Field(default=60.0, ge=1, le=1440)
    """Time for which an award is the same, minutes."""
    step_kw: float = Field(default=0.0, ge=0)
    """Awards are whole numbers of this; 0 for any."""
    least_kw: float = Field(default=0.0, ge=0)
    """Smaller awards are none."""
    most_kw: float | None = Field(default=None, ge=0, examples=[1000.0])
    """Largest award, such as what is registered or surely there; no limit when absent."""
    fed_share: float = Field(default=0.0, ge=0, le=1)
    """Energy that calls are expected to feed, in kWh for each kW held through an hour."""
    window: str = ""
    """Services of different windows are never called together, such as "6s" and "60s"; an empty one
    is called with all."""

    @model_validator(mode="after")
    def _a_price(self) -> "ServiceEntry":
        if self.price_per_mw is None and self.file is None:
            raise ConfigError("config", [Fault("price_per_mw", "be given, or a file")])
        return self


class BidCurve(BaseConfig):
    """How much of a service is offered at which price."""

    service: str = Field(examples=["reserve"])
    """Which of the services; the others are sold at their prices."""
    prices_per_mw: tuple[float, ...] = Field(examples=[(2.0, 5.0, 10.0, 20.0)], min_length=1)
    """Prices that are tried, rising."""
    price_error_per_mw: float | None = Field(default=None, gt=0, le=MOST_PRICE, examples=[4.0])
    """Where a market pays each bid its own price: standard deviation of the dearest price that is
    accepted, around the price of the service. Absent where all are paid the clearing price."""

    @model_validator(mode="after")
    def _rising(self) -> "BidCurve":
        if list(self.prices_per_mw) != sorted(set(self.prices_per_mw)):
            fault = Fault("bid_curve.prices_per_mw", "rise", self.prices_per_mw)
            raise ConfigError("config", [fault])
        return self


class Config(Inputs):
    """The configuration of a study of value stacking."""

    study: Literal["value_stacking"] = "value_stacking"
    """Which study this is."""
    title: str = "Value stacking"
    """Heading of the report."""
    service: tuple[ServiceEntry, ...] = Field(default=(), max_length=20)
    """What is sold beside energy, each added to those before it."""
    information: Information = Information()
    """What is known when offers are made."""
    bid_curve: BidCurve | None = None
    """How much of a service is offered at which price."""
    time_limit_s: float = Field(default=600.0, gt=0)
    """For each solve, seconds."""

    @model_validator(mode="after")
    def _names(self) -> "Config":
        names = [one.name for one in self.service]
        faults = []
        again = tuple(name for i, name in enumerate(names) if name in names[:i])
        if again:
            fix = "Give each service a name of its own."
            faults.append(Fault("service.name", "be unique", again, fix=fix))
        if self.bid_curve is not None and self.bid_curve.service not in names:
            fix = f"Services: {', '.join(names)}."
            got = (self.bid_curve.service,)
            faults.append(Fault("bid_curve.service", "be one of the services", got, fix=fix))
        for one in self.service:
            steps = one.block_min / self.horizon.step_min
            if abs(steps - round(steps)) > 1e-9 or steps < 1 - 1e-9:
                rule = f"be a whole number of steps of {self.horizon.step_min:g} min"
                faults.append(Fault("service.block_min", rule, (one.block_min,), (one.name,)))
        if faults:
            raise ConfigError("config", faults)
        return self

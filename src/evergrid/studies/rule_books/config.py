"""The configuration of a study of rule books."""

from typing import Literal

from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.inputs.charger_control import ChargerControl
from evergrid.inputs.frequency import FrequencyFile
from evergrid.inputs.tables import Inputs
from evergrid.markets.rules import australia
from evergrid.markets.rules.markets import product
from evergrid.markets.settlement.energy_ownership import Compensation, GridFee, Imbalance

FCAS = tuple(one.name for one in australia.PRODUCTS)


class Signal(BaseConfig):
    """The signal of regulation."""

    file: str | None = Field(default=None, examples=["regd.parquet"])
    """Table of second and signal (or second_of_day and regd); a made-up one when absent."""


class FrequencySource(FrequencyFile):
    """The frequency of the grid."""

    nominal_hz: float = 50.0
    """Nominal frequency, 50 or 60 Hz."""


class PriceEntry(BaseConfig):
    """What one product pays, at any time."""

    product: str = Field(examples=["fcr"])
    """Its name, as the how-to page lists it."""
    capacity_per_mw_h: float = Field(examples=[12.0])
    """Price of a MW of award for an hour."""
    mileage_per_mw: float = Field(default=0.0, ge=0)
    """Price of performance, mileage or movement, beside that."""
    mileage_ratio: float = Field(default=1.0, ge=0, le=100)
    """By which PJM's price of performance is multiplied."""

    @model_validator(mode="after")
    def _known(self) -> "PriceEntry":
        product(self.product)
        return self


class PriceFileEntry(BaseConfig):
    """What one product pays, by time."""

    product: str = Field(examples=["pjm_regulation"])
    """Its name."""
    file: str = Field(examples=["regulation_market.csv"])
    """Prices as published."""
    format: Literal["pjm_regulation", "nyiso_regulation", "aemo"] = Field(
        examples=["pjm_regulation"]
    )
    """Format of the file."""
    region: str = ""
    """Region of the file, such as NSW1; for aemo."""
    shift_weeks: int = Field(default=0, ge=-5200, le=5200)
    """Weeks added to every time stamp of the file."""
    mileage_ratio: float = Field(default=1.0, ge=0, le=100)
    """By which PJM's price of performance is multiplied."""

    @model_validator(mode="after")
    def _region(self) -> "PriceFileEntry":
        product(self.product)
        fcas = self.product in FCAS
        if (self.format == "aemo") != fcas:
            fix = f"Products of that format: {', '.join(FCAS)}."
            fault = Fault("price_file.format", "be aemo for FCAS alone", (self.format,), fix=fix)
            raise InputError("config", [fault])
        if fcas != bool(self.region):
            fix = 'Give region = "NSW1" for aemo, and for no other format.'
            fault = Fault("price_file.region", "belong to aemo", (self.region,), fix=fix)
            raise InputError("config", [fault])
        return self


class Ownership(BaseConfig):
    """Whose the energy of a call is."""

    imbalance: Imbalance = "corrected"
    """"corrected" by the operator, or borne by the "aggregator" or the "supplier"."""
    compensation: Compensation = "none"
    """Of the supplier: "none", or at a "reference" price."""
    grid_fee: GridFee = "all_drawn"
    """On "all_drawn" energy, or on "net_drawn", without what is fed again."""
    imbalance_per_mwh: float = 0.0
    """Imbalance price."""
    reference_per_mwh: float = 0.0
    """Price at which suppliers are compensated."""
    grid_fee_per_mwh: float = Field(default=0.0, ge=0)
    """Grid fee on energy drawn."""


class Control(ChargerControl):
    """How chargers are told in a test, and what they can do."""

    latency_s: float = Field(default=0.2, ge=0, le=2)
    """Until an order takes effect."""
    message_loss: float = Field(default=0.0, ge=0, lt=1)
    """Share of orders that do not arrive, and are told again."""
    switch_limit: int = Field(default=1000, ge=6, le=1000)
    """Contactor operations of a charger in a day that following may cause."""


class Config(Inputs):
    """The configuration of a study of rule books."""

    study: Literal["rule_books"] = "rule_books"
    """Which study this is."""
    title: str = "One fleet, many rule books"
    """Heading of the report."""
    products: tuple[str, ...] = Field(default=(), examples=[["fcr", "dc_low"]])
    """Products to compare; all when empty."""
    expected_score: float = Field(default=0.95, ge=0, le=1)
    """Score, performance index or accuracy that income of regulation counts with."""
    prequalify: bool = True
    """Whether to run the test of each product on the fleet."""
    signal: Signal = Signal()
    """The signal of regulation."""
    frequency: FrequencySource | None = None
    """The frequency of the grid; a made-up one when absent."""
    price: tuple[PriceEntry, ...] = ()
    """What products pay; income of those without a price is told per unit of price."""
    price_file: tuple[PriceFileEntry, ...] = ()
    """What products pay, from files."""
    ownership: Ownership = Ownership()
    """Whose the energy of a call is."""
    control: Control = Control()
    """How chargers are told, and what they can do."""

    @model_validator(mode="after")
    def _known(self) -> "Config":
        for name in self.products:
            product(name)
        for field, names in (
            ("products", list(self.products)),
            ("price.product", [one.product for one in (*self.price, *self.price_file)]),
        ):
            again = tuple(name for i, name in enumerate(names) if name in names[:i])
            if again:
                raise InputError("config", [Fault(field, "be unique", again)])
        return self

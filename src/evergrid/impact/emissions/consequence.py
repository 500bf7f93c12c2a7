"""What a change of power causes: marginal factors on energy drawn and fed, with lost energy."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import KWH_PER_MWH


@dataclass(frozen=True)
class GridLosses:
    """Share of energy lost between power stations and the meter.

    Attributes:
        drawn: Of what is generated for energy drawn.
        fed: Of what is generated for the energy that feeding displaces; 0 where it is used next
            door without having displaced supply from afar.

    Raises:
        InputError: A share outside [0, 1).
    """

    drawn: float = 0.0
    fed: float = 0.0

    def __post_init__(self) -> None:
        faults = [
            Fault(name, "be a share of at least 0 and below 1", (value,))
            for name, value in (("drawn", self.drawn), ("fed", self.fed))
            if not 0 <= value < 1
        ]
        raise_if_any("grid_losses", faults)


NO_LOSSES = GridLosses()


def caused_kg(
    drawn_kwh: Float[Array, "*row step"],
    fed_kwh: Float[Array, "*row step"],
    factor_kg_per_mwh: Float[Array, " step"],
    losses: GridLosses = NO_LOSSES,
) -> Float[Array, "*row step"]:
    """CO2 that energy drawn causes less what energy fed displaces, in each step.

    Args:
        drawn_kwh: Energy drawn at the AC terminals, at least 0.
        fed_kwh: Energy fed there, at least 0.
        factor_kg_per_mwh: Marginal factors at the power stations.
        losses: Between those and the terminals.

    Source:
        Energy balance; with equal factors throughout it is the factor times what batteries,
        converters and wires lose.
    """
    at_stations = drawn_kwh / (1.0 - losses.drawn) - fed_kwh / (1.0 - losses.fed)
    return at_stations * (factor_kg_per_mwh / KWH_PER_MWH)


def reduces(
    charge_kg_per_mwh: Float[Array, "*row"],
    discharge_kg_per_mwh: Float[Array, "*row"],
    round_trip_efficiency: float,
) -> Bool[Array, "*row"]:
    """Whether a kWh drawn at the one factor and fed, less losses, at the other lowers emissions.

    Written as a product, for a factor to charge at may be 0.
    """
    return np.asarray(discharge_kg_per_mwh * round_trip_efficiency > charge_kg_per_mwh)


def cycle_kg(
    drawn_kwh: float,
    charge_kg_per_mwh: float,
    discharge_kg_per_mwh: float,
    round_trip_efficiency: float,
) -> float:
    """CO2 of drawing so much energy and feeding what is left of it."""
    fed_kwh = round_trip_efficiency * drawn_kwh
    return (drawn_kwh * charge_kg_per_mwh - fed_kwh * discharge_kg_per_mwh) / KWH_PER_MWH


def embodied_kg(
    wear_share: Float[Array, "*row"], capacity_kwh: Float[Array, "*row"], pack_kg_per_kwh: float
) -> Float[Array, "*row"]:
    """CO2 of making packs that wear uses up.

    Args:
        wear_share: Share of the pack's life used, 1 for all of it.
        capacity_kwh: Size of each pack.
        pack_kg_per_kwh: CO2 of making a kWh of pack; 60 to 100 are usual, unverified.
    """
    return wear_share * capacity_kwh * pack_kg_per_kwh

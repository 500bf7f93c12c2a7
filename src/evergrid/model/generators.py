"""Generators of a power system: what each can give, what it costs, and what it emits."""

from dataclasses import dataclass, fields

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken, unique
from evergrid.core.units import KG_PER_TONNE

CO2 = "co2"
LEAST_CO2, MOST_CO2 = 5.0, 5000.0  # kg/MWh between which a unit that emits CO2 lies
NEAR = 1e-9  # share by which sums of segments may differ


@dataclass(frozen=True)
class GeneratorFleet:
    """Generators, each with segments of output in the order in which it runs through them.

    The first segment of a unit is its output at minimum, with the average heat rate there; the
    others have incremental heat rates. Money is in the currency of the fleet.

    Attributes:
        unit_id: Name of each unit.
        unit_type: What it is, such as ``coal_steam``.
        fuel: What it burns, such as ``coal``.
        area_id: Where it stands.
        minimum_mw: Least output while it runs; 0, or the end of its first segment.
        ramp_mw_per_h: Most by which the output changes in an hour; infinite for no limit.
        min_up_h: Least time that it runs once started.
        min_down_h: Least time that it stands once stopped.
        start_cost: Of one start.
        fuel_price_per_mmbtu: Per million British thermal units of fuel.
        other_cost_per_mwh: Operation and maintenance per MWh generated.
        segment_unit: Row of the unit that a segment belongs to; never falls.
        segment_mw: Width of the segment.
        heat_rate_mmbtu_per_mwh: Fuel per MWh within the segment.
        cost_rise_per_mwh: By how much the marginal cost rises, linearly, over the segment.
        pollutant: What is emitted, in small letters: ``co2``, ``nox``.
        emissions_kg_per_mwh: Of each pollutant within the segment.
        currency: ISO 4217 code.
        carbon_price_per_tonne: Price of CO2 that the costs already hold.

    Raises:
        InputError: Every fault found, with the units concerned.
    """

    unit_id: Shaped[Array, " unit"]
    unit_type: Shaped[Array, " unit"]
    fuel: Shaped[Array, " unit"]
    area_id: Shaped[Array, " unit"]
    minimum_mw: Float[Array, " unit"]
    ramp_mw_per_h: Float[Array, " unit"]
    min_up_h: Float[Array, " unit"]
    min_down_h: Float[Array, " unit"]
    start_cost: Float[Array, " unit"]
    fuel_price_per_mmbtu: Float[Array, " unit"]
    other_cost_per_mwh: Float[Array, " unit"]
    segment_unit: Int[Array, " segment"]
    segment_mw: Float[Array, " segment"]
    heat_rate_mmbtu_per_mwh: Float[Array, " segment"]
    cost_rise_per_mwh: Float[Array, " segment"]
    pollutant: Shaped[Array, " pollutant"]
    emissions_kg_per_mwh: Float[Array, "pollutant segment"]
    currency: str
    carbon_price_per_tonne: float = 0.0

    def __post_init__(self) -> None:
        records.check(self, "generators")
        raise_if_any("generators", _place_faults(self))
        raise_if_any("generators", [*_value_faults(self), *_emission_faults(self)])

    def __len__(self) -> int:
        return len(self.unit_id)

    @property
    def capacity_mw(self) -> Float[Array, " unit"]:
        """Most that each unit gives."""
        return np.bincount(self.segment_unit, self.segment_mw, minlength=len(self))

    @property
    def first_segment(self) -> Int[Array, " unit"]:
        """Row of the first segment of each unit."""
        return np.searchsorted(self.segment_unit, np.arange(len(self)))

    @property
    def cost_per_mwh(self) -> Float[Array, " segment"]:
        """Marginal cost where each segment begins."""
        unit = self.segment_unit
        fuel_cost = self.heat_rate_mmbtu_per_mwh * self.fuel_price_per_mmbtu[unit]
        return fuel_cost + self.other_cost_per_mwh[unit]

    def emissions_of(self, pollutant: str) -> Float[Array, " segment"]:
        """Emissions of one pollutant in kg/MWh; 0 where the fleet does not know it."""
        rows = np.flatnonzero(self.pollutant == pollutant)
        return self.emissions_kg_per_mwh[rows].sum(axis=0)

    def carbon_cost_per_mwh(self, price_per_tonne: float) -> Float[Array, " segment"]:
        """What a price of CO2 adds to the marginal cost of each segment."""
        return price_per_tonne / KG_PER_TONNE * self.emissions_of(CO2)

    def remarks(self) -> tuple[str, ...]:
        """What is allowed and yet worth a look, as sentences."""
        negative = (self.emissions_kg_per_mwh < 0).any(axis=0)
        if not negative.any():
            return ()
        names = self.unit_id[np.unique(self.segment_unit[negative])]
        listed = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        return (
            f"{len(names)} unit(s) have negative emission factors ({listed}): running them lowers "
            "the total.",
        )


def select(fleet: GeneratorFleet, units: Bool[Array, " unit"]) -> GeneratorFleet:
    """The fleet of these units only."""
    kept = units[fleet.segment_unit]
    row = np.cumsum(units) - 1
    values = {}
    for field in fields(fleet):
        value = getattr(fleet, field.name)
        axes = getattr(field.type, "dim_str", "").split()
        if axes[-1:] == ["segment"]:
            value = value[..., kept]
        elif axes == ["unit"]:
            value = value[units]
        values[field.name] = value
    values["segment_unit"] = row[fleet.segment_unit[kept]]
    return GeneratorFleet(**values)


def _place_faults(fleet: GeneratorFleet) -> list[Fault]:
    """Faults of which segment belongs where, without which nothing else can be looked at."""
    unit, count = fleet.segment_unit, len(fleet)
    if count == 0:
        return [Fault("unit_id", "name at least one unit")]
    faults = unique("unit_id", fleet.unit_id, fix="Give each unit a name of its own.")
    faults += unique("pollutant", fleet.pollutant, fix="Add the rows of one pollutant up.")
    inside = (unit >= 0) & (unit < count)
    rule = f"be the row of a unit, from 0 to {count - 1}"
    faults += broken("segment_unit", inside, rule, values=unit)
    rising = np.append(True, np.diff(unit) >= 0)
    fix = "Sort segments by unit, and within a unit by output."
    faults += broken("segment_unit", rising, "never fall", values=unit, fix=fix)
    bare = ~np.isin(np.arange(count), unit)
    segments = np.bincount(unit[inside], minlength=count)
    fix = "Give it a width and a heat rate, or leave the unit out."
    rule = "have a segment for every unit"
    faults += broken("segment_unit", ~bare, rule, values=segments, ids=fleet.unit_id, fix=fix)
    return faults


def _value_faults(fleet: GeneratorFleet) -> list[Fault]:
    faults: list[Fault] = []
    names, of_segment = fleet.unit_id, fleet.unit_id[fleet.segment_unit]
    for field, ids in (
        *((name, names) for name in ("minimum_mw", "min_up_h", "min_down_h", "start_cost")),
        *((name, names) for name in ("fuel_price_per_mmbtu", "other_cost_per_mwh")),
        *((name, of_segment) for name in ("heat_rate_mmbtu_per_mwh", "cost_rise_per_mwh")),
    ):
        values = getattr(fleet, field)
        good = np.asarray((values >= 0) & np.isfinite(values))
        faults += broken(field, good, "be finite and at least 0", values=values, ids=ids)
    width = fleet.segment_mw
    good = np.asarray((width > 0) & np.isfinite(width))
    fix = "Leave segments without width out."
    faults += broken("segment_mw", good, "be finite and above 0", values=width, ids=of_segment)
    ramp = fleet.ramp_mw_per_h
    fix = "Infinity stands for no limit."
    faults += broken("ramp_mw_per_h", ramp > 0, "be above 0", values=ramp, ids=names, fix=fix)
    faults += _minimum_faults(fleet)
    if not fleet.carbon_price_per_tonne >= 0:
        got = (fleet.carbon_price_per_tonne,)
        faults.append(Fault("carbon_price_per_tonne", "be at least 0", got))
    return faults


def _minimum_faults(fleet: GeneratorFleet) -> list[Fault]:
    first = fleet.segment_mw[fleet.first_segment]
    least = fleet.minimum_mw
    good = (least == 0) | (np.abs(least - first) <= NEAR * first)
    rule = "be 0 or the end of the unit's first segment"
    fix = "Split the segment in which the minimum lies."
    return broken("minimum_mw", good, rule, values=least, ids=fleet.unit_id, fix=fix)


def _emission_faults(fleet: GeneratorFleet) -> list[Fault]:
    of_segment = fleet.unit_id[fleet.segment_unit]
    faults: list[Fault] = []
    for name, values in zip(fleet.pollutant, fleet.emissions_kg_per_mwh, strict=True):
        field = f"emissions_kg_per_mwh of {name}"
        finite = np.isfinite(values)
        faults += broken(field, finite, "be finite", values=values, ids=of_segment)
        if name == CO2:
            size = np.abs(values)
            good = ~finite | (size == 0) | ((size >= LEAST_CO2) & (size <= MOST_CO2))
            rule = f"be 0 or between {LEAST_CO2:g} and {MOST_CO2:g} kg/MWh"
            fix = "A factor near 0.4 is in t/MWh or kg/kWh: multiply it by 1,000."
            faults += broken(field, good, rule, values=values, ids=of_segment, fix=fix)
    return faults

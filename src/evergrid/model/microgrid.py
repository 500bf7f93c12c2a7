"""A site that can run on its own when the grid is gone: load blocks, batteries, diesel sets, sun.

Times are hours after the grid was lost. Powers are AC and grid side; energies are in the cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.model.section_network import SectionNetwork

NOMINAL_HZ = (50.0, 60.0)
Tier = Literal["life_safety", "critical", "comfort"]
TIERS: tuple[Tier, ...] = get_args(Tier)
Phases = Literal["abc", "a", "b", "c"]
NEAR = 1e-9  # kWh by which energies may differ


def _ranges(record: object, name: str, *rows: tuple[str, float, float, str]) -> list[Fault]:
    """Faults of numbers outside a closed range; NaN is never inside."""
    return [
        Fault(field, f"be in [{low:g}, {high:g}]", (value,), (name,), fix=fix)
        for field, low, high, fix in rows
        if not low <= (value := getattr(record, field)) <= high
    ]


def _named(record: object, name: str, what: str) -> list[Fault]:
    fix = f"Give each {what} a name."
    if not name.strip():
        return [Fault("name", "not be empty", (name,), fix=fix)]
    rule = "hold printable characters only"
    return [] if name.isprintable() else [Fault("name", rule, (name,), fix=fix)]


@dataclass(frozen=True)
class LoadBlock:
    """Loads that one switch connects together.

    After an outage without supply, the block first draws ``cold_load_factor`` times its power for
    ``cold_load_delay_h``; what is above 1 then decays with the time constant ``cold_load_decay_h``.

    Attributes:
        name: Of the block.
        power_kw: That it draws once it is warm.
        tier: ``life_safety`` and ``critical`` come before ``comfort``.
        weight: Worth of a kWh served, against that of other blocks.
        power_factor: Lagging.
        parent: Block through whose switch it is fed; empty when that is the main bus.
        cold_load_factor: First power over warm power, 1 or more.
        cold_load_delay_h: For which that lasts in full.
        cold_load_decay_h: Time constant of what follows; 0 for none.
        motor_share: Share of the power that induction motors draw.
        phases: ``abc``, or the one phase that all of it is connected to.
        bridge_h: For which its own batteries carry it when it is dark; 0 for none.
        bus: Of the feeder's section, where it hangs; empty for the main bus.
    """

    name: str
    power_kw: float
    tier: Tier
    weight: float = 1.0
    power_factor: float = 0.95
    parent: str = ""
    cold_load_factor: float = 1.0
    cold_load_delay_h: float = 0.0
    cold_load_decay_h: float = 0.5
    motor_share: float = 0.0
    phases: Phases = "abc"
    bridge_h: float = 0.0
    bus: str = ""

    def __post_init__(self) -> None:
        records.check(self, "load block")
        warm = "A block that draws less at first has the factor 1."
        faults = [
            *_named(self, self.name, "load block"),
            *_ranges(
                self,
                self.name,
                ("power_kw", 1e-3, 1e6, ""),
                ("weight", 0.0, 1e6, ""),
                ("power_factor", 0.1, 1.0, "Give a fraction, not a percentage."),
                ("cold_load_factor", 1.0, 10.0, warm),
                ("cold_load_delay_h", 0.0, 24.0, ""),
                ("cold_load_decay_h", 0.0, 24.0, ""),
                ("motor_share", 0.0, 1.0, "Give a fraction, not a percentage."),
                ("bridge_h", 0.0, 1e4, ""),
            ),
        ]
        raise_if_any("load block", faults)

    @property
    def reactive_kvar(self) -> float:
        """Reactive power that it draws once it is warm."""
        return self.power_kw * float(np.tan(np.arccos(self.power_factor)))


@dataclass(frozen=True)
class BatteryUnit:
    """A vehicle at a charger, or a stationary battery: one that never leaves.

    Attributes:
        name: Of the vehicle or battery.
        capacity_kwh: Of the cells.
        energy_arrival_kwh: In the cells when it comes, or when the grid is lost.
        max_discharge_kw: Most that it feeds.
        max_charge_kw: Most that it draws.
        apparent_kva: Rating of its inverter.
        energy_reserve_kwh: Below which it is not discharged: the way to its depot, for instance.
        arrival_h: When it comes; 0 or less for one that is there when the grid is lost.
        departure_h: When it leaves; infinite for one that stays.
        efficiency_charge: Cells over AC.
        efficiency_discharge: AC over cells.
        grid_forming: Whether its inverter can hold voltage and frequency by itself. Most chargers
            cannot: they follow a grid that is there.
        black_start: Whether it starts with no voltage at its terminals, which needs the charger's
            control, contactors and network fed from its own battery.
        auxiliary_kw: That control, contactors and network of its charger draw while they are on.
        stationary: Whether it is a battery of the site rather than a vehicle.
    """

    name: str
    capacity_kwh: float
    energy_arrival_kwh: float
    max_discharge_kw: float
    max_charge_kw: float
    apparent_kva: float
    energy_reserve_kwh: float = 0.0
    arrival_h: float = 0.0
    departure_h: float = np.inf
    efficiency_charge: float = 0.95
    efficiency_discharge: float = 0.95
    grid_forming: bool = False
    black_start: bool = False
    auxiliary_kw: float = 0.0
    stationary: bool = False

    def __post_init__(self) -> None:
        records.check(self, "battery unit")
        fraction = "Give a fraction, not a percentage."
        faults = [
            *_named(self, self.name, "battery"),
            *_ranges(
                self,
                self.name,
                ("capacity_kwh", 1e-3, 1e7, ""),
                ("max_discharge_kw", 0.0, 1e6, ""),
                ("max_charge_kw", 0.0, 1e6, ""),
                ("apparent_kva", 1e-3, 1e6, ""),
                ("energy_reserve_kwh", 0.0, self.capacity_kwh + NEAR, "At most the capacity."),
                ("energy_arrival_kwh", 0.0, self.capacity_kwh + NEAR, "At most the capacity."),
                ("arrival_h", -1e5, 1e5, ""),
                ("efficiency_charge", 0.5, 1.0, fraction),
                ("efficiency_discharge", 0.5, 1.0, fraction),
                (
                    "auxiliary_kw",
                    0.0,
                    self.apparent_kva,
                    "Its own use is below its rating, in kVA.",
                ),
            ),
        ]
        if not self.departure_h > self.arrival_h:
            rule = f"be after the arrival, {self.arrival_h:g} h"
            faults.append(Fault("departure_h", rule, (self.departure_h,), (self.name,)))
        for field in ("max_discharge_kw", "max_charge_kw"):
            if (power := getattr(self, field)) > self.apparent_kva * (1 + 1e-9):
                rule = f"be at most the rating of the inverter, {self.apparent_kva:g} kVA"
                faults.append(Fault(field, rule, (power,), (self.name,)))
        if self.black_start and not self.grid_forming:
            fix = "Set grid_forming, or leave black_start out."
            rule = "be false for a unit that follows the grid"
            faults.append(Fault("black_start", rule, (True,), (self.name,), fix=fix))
        raise_if_any("battery unit", faults)

    @property
    def energy_usable_kwh(self) -> float:
        """AC energy that it can feed from its arrival down to its reserve."""
        return max(self.energy_arrival_kwh - self.energy_reserve_kwh, 0) * self.efficiency_discharge


@dataclass(frozen=True)
class DieselSet:
    """A generator set with a tank.

    Attributes:
        name: Of the set.
        power_kw: Rating.
        fuel_kwh: Electric energy that the fuel in the tank yields at full load.
        idle_share: Of the fuel used at full load, what is used at no load.
        least_load_share: Of the rating, below which it should not run for long.
        start_s: From the loss of the grid until it can be loaded.
        start_probability: That it starts when it is called.
        available_share: Of the time in which it is not under repair.
        mean_hours_to_failure: Of running.
    """

    name: str
    power_kw: float
    fuel_kwh: float
    idle_share: float = 0.25
    least_load_share: float = 0.3
    start_s: float = 10.0
    start_probability: float = 0.9906
    available_share: float = 0.995
    mean_hours_to_failure: float = 1100.0

    def __post_init__(self) -> None:
        records.check(self, "diesel set")
        fraction = "Give a fraction, not a percentage."
        faults = [
            *_named(self, self.name, "diesel set"),
            *_ranges(
                self,
                self.name,
                ("power_kw", 1e-3, 1e6, ""),
                ("fuel_kwh", 0.0, 1e9, ""),
                ("idle_share", 0.0, 0.9, fraction),
                ("least_load_share", 0.0, 1.0, fraction),
                ("start_s", 0.0, 86400.0, ""),
                ("start_probability", 0.0, 1.0, fraction),
                ("available_share", 0.0, 1.0, fraction),
                ("mean_hours_to_failure", 1.0, 1e7, ""),
            ),
        ]
        raise_if_any("diesel set", faults)


@dataclass(frozen=True)
class UnitTransformer:
    """The transformer that is energised with the site, or through which the grid is met.

    Per-unit values are of its own rating.

    Attributes:
        rating_kva: Of all three phases.
        resistance_pu: Of both windings.
        reactance_pu: Leakage.
        knee_pu: Flux at which the core saturates, over the peak flux at nominal voltage.
        air_core_pu: Inductance beyond the knee, as a reactance.
        core_loss_pu: Power lost in the core at nominal voltage.
        residual_flux_pu: Left in the three cores, over the peak flux at nominal voltage.
    """

    rating_kva: float
    resistance_pu: float = 0.01
    reactance_pu: float = 0.05
    knee_pu: float = 1.17
    air_core_pu: float = 0.3
    core_loss_pu: float = 0.003
    residual_flux_pu: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        faults = _ranges(
            self,
            "",
            ("rating_kva", 0.1, 1e6, ""),
            ("resistance_pu", 1e-5, 0.5, ""),
            ("reactance_pu", 1e-4, 0.5, ""),
            ("knee_pu", 1.0, 3.0, ""),
            ("air_core_pu", 0.01, 10.0, ""),
            ("core_loss_pu", 0.0, 0.1, ""),
        )
        if not np.all(np.abs(np.array(self.residual_flux_pu)) <= 1.0):
            rule = "be in [-1, 1] for each phase"
            faults.append(Fault("residual_flux_pu", rule, (str(self.residual_flux_pu),)))
        raise_if_any("transformer", faults)


@dataclass(frozen=True)
class Microgrid:
    """A site with all that can run it when the grid is gone.

    Attributes:
        nominal_hz: 50 or 60.
        nominal_v: Between two phases at the main bus.
        load_blocks: What is to be fed.
        batteries: Vehicles and stationary batteries, with arrivals and departures.
        diesel_sets: Beside them.
        solar_kw: Power of the sun by step of ``solar_step_h`` from the loss of the grid; it may be
            curtailed. Empty for none; what is beyond its end is 0.
        solar_step_h: Length of those steps.
        transformer: That is energised with the site; None for none.
        section: Lines and transformers between the main bus and those of the blocks; None where
            all blocks are at the main bus. Its impedances are referred to ``nominal_v``.

    Raises:
        InputError: Names that are not unique or unknown, blocks in a circle, numbers out of range.
    """

    nominal_hz: float
    nominal_v: float
    load_blocks: tuple[LoadBlock, ...]
    batteries: tuple[BatteryUnit, ...]
    diesel_sets: tuple[DieselSet, ...] = ()
    solar_kw: Float[Array, " step"] | None = None
    solar_step_h: float = 1.0
    transformer: UnitTransformer | None = None
    section: SectionNetwork | None = None

    def __post_init__(self) -> None:
        faults: list[Fault] = []
        buses = ("",) if self.section is None else ("", *self.section.buses)
        if lost := [block for block in self.load_blocks if block.bus not in buses]:
            fix = "Only sites with a feeder's section have buses beside the main bus."
            got, ids = tuple(one.bus for one in lost), tuple(one.name for one in lost)
            faults.append(Fault("load_block.bus", "be a bus of the section", got, ids, fix=fix))
        if self.nominal_hz not in NOMINAL_HZ:
            faults.append(Fault("nominal_hz", "be 50 or 60", (self.nominal_hz,)))
        faults += _ranges(
            self, "", ("nominal_v", 50.0, 1e5, "In volts."), ("solar_step_h", 1e-3, 24.0, "")
        )
        if not self.load_blocks:
            faults.append(Fault("load_blocks", "hold at least one", fix="Add a load block."))
        sources = [unit.name for unit in (*self.batteries, *self.diesel_sets)]
        blocks = [block.name for block in self.load_blocks]
        faults += _repeated("load_blocks", blocks) + _repeated("batteries", sources)
        faults += _tree_faults(self.load_blocks)
        if self.solar_kw is not None and not np.all(
            np.isfinite(self.solar_kw) & (np.asarray(self.solar_kw) >= 0)
        ):
            faults.append(Fault("solar_kw", "be finite and not negative"))
        raise_if_any("microgrid", faults)

    @property
    def power_kw(self) -> float:
        """That all blocks draw once they are warm."""
        return sum(block.power_kw for block in self.load_blocks)

    @property
    def vehicles(self) -> tuple[BatteryUnit, ...]:
        """The batteries that are no part of the site."""
        return tuple(unit for unit in self.batteries if not unit.stationary)

    def parents(self) -> list[int]:
        """Place of each block's parent among the blocks; -1 for one at the main bus."""
        place = {block.name: i for i, block in enumerate(self.load_blocks)}
        return [place.get(block.parent, -1) for block in self.load_blocks]

    def solar_in(self, hours: Float[Array, " step"]) -> Float[Array, " step"]:
        """Power of the sun at those hours after the loss of the grid, kW."""
        if self.solar_kw is None:
            return np.zeros(len(hours))
        step = np.floor(np.asarray(hours) / self.solar_step_h + 1e-9).astype(int)
        inside = (step >= 0) & (step < len(self.solar_kw))
        return np.where(inside, self.solar_kw[np.clip(step, 0, len(self.solar_kw) - 1)], 0.0)


def _repeated(field: str, names: Sequence[str]) -> list[Fault]:
    seen: set[str] = set()
    again = [name for name in names if name in seen or seen.add(name)]
    fix = "Give each a name of its own."
    return [Fault(field, "have unique names", tuple(again), fix=fix)] if again else []


def _tree_faults(blocks: Sequence[LoadBlock]) -> list[Fault]:
    """Faults of parents that are unknown, or that lead back to the block itself."""
    parent = {block.name: block.parent for block in blocks}
    faults = []
    for block in blocks:
        if block.parent and block.parent not in parent:
            fix = f"Known: {', '.join(list(parent)[:8])}."
            faults.append(
                Fault("parent", "name a load block", (block.parent,), (block.name,), fix=fix)
            )
            continue
        above, steps = block.parent, 0
        while above and above != block.name and steps <= len(parent):
            above, steps = parent.get(above, ""), steps + 1
        if above == block.name or steps > len(parent):
            rule = "not lead back to the block itself"
            faults.append(Fault("parent", rule, (block.parent,), (block.name,)))
    return faults

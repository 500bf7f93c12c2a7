"""The site as a circuit in dq: chargers' bus, transformer, main bus, blocks, and the grid."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.model.microgrid import BatteryUnit, LoadBlock, Microgrid, UnitTransformer
from evergrid.model.section_network import SectionBranch
from evergrid.resilience.black_start.assets.emergency import (
    EMERGENCY,
    TIE,
    DieselSource,
    EmergencySupply,
    TransferSwitch,
)
from evergrid.resilience.black_start.assets.following import FollowingRules, following_inverter
from evergrid.resilience.black_start.assets.motors import BlockMotor, MotorRules, block_motor
from evergrid.resilience.black_start.assets.panels import PanelSource
from evergrid.resilience.black_start.assets.ratings import rated
from evergrid.resilience.black_start.neighbour.feeder import (
    NO_FEEDER,
    SITE,
    UPSTREAM,
    UPSTREAM_CORE,
    UPSTREAM_TRANSFORMER,
    UpstreamFeeder,
)
from evergrid.resilience.black_start.settings import GridReturn, faults_outside
from evergrid.resilience.inverter.droop import DroopInverter
from evergrid.resilience.network.dq_network import DqNetwork
from evergrid.resilience.network.elements import (
    GridFollowingUnit,
    GridFormingUnit,
    ImpedanceLoad,
    MotorUnit,
    SeriesBranch,
    SynchronousUnit,
    Unit,
)

CHARGERS, MAIN = "chargers", "main"
TRANSFORMER, CORE, GRID = "transformer", "core loss", "grid"
STIFF_W_PER_KVA = 10e3  # of the source behind the grid's impedance, ten times its short circuit
UNIT_KVA = (0.1, 1e5)  # between which waveforms of a unit can be computed
TRANSFORMER_OVER_UNIT = 10_000  # beyond which a waveform of both does not stay within bounds
LEAST_SECTION_OHM = 1e-7  # of a switch that has no impedance
WIRE_OHM_SHARE = 1e-3  # of a block or of a set, what the wires of a transfer switch or a tie have
FASTEST_PER_S = 4e4  # R/L of a load that is almost a resistance; explicit steps resolve it


FormingSource = BatteryUnit | DieselSource
FollowingSource = BatteryUnit | PanelSource


@dataclass(frozen=True)
class InverterSettings:
    """What all inverters that form the grid have in common.

    Attributes:
        droop_hz: By which the frequency falls from no load to rated power.
        droop_voltage_pu: By which the voltage falls from none to rated reactive power.
        current_limit_pu: Of the inner current, over the rated one.
        connection_resistance_pu: Of cable and isolating transformer between a charger and the bus
            where all meet, of its own rating.
        connection_reactance_pu: The same, at nominal frequency. Inverters of these gains that
            meet without any impedance are unstable.
    """

    droop_hz: float = 0.15
    droop_voltage_pu: float = 0.034
    current_limit_pu: float = 1.5
    connection_resistance_pu: float = 0.01
    connection_reactance_pu: float = 0.02

    def __post_init__(self) -> None:
        records.check(self, "inverter")
        raise_if_any(
            "inverter",
            faults_outside(
                self,
                ("droop_hz", 1e-3, 10.0, "The verified inverter has 0.15 Hz."),
                ("droop_voltage_pu", 0.0, 0.5, ""),
                ("current_limit_pu", 0.5, 5.0, "1.2 to 2 is usual."),
                ("connection_resistance_pu", 0.0, 0.5, "Give a fraction, not a percentage."),
                ("connection_reactance_pu", 0.0, 0.5, "Give a fraction, not a percentage."),
            ),
        )


@dataclass(frozen=True)
class FeederSection:
    """A part that can be an island of its own: the site, or a neighbouring section.

    Attributes:
        name: Of it.
        bus: Where its blocks are and its meters measure.
        units: Names of its units that form the grid.
        blocks: Names of its blocks.
        followers: Names of its units that follow, if they take part.
        line: Name of the line that leads to it; empty for the site.
        master: Unit that is to start its dead bus; empty for the one with the most energy.
        of_site: Whether it is a part of the site that can be an island: its emergency bus.
    """

    name: str
    bus: str
    units: tuple[str, ...]
    blocks: tuple[str, ...]
    followers: tuple[str, ...] = ()
    line: str = ""
    master: str = ""
    of_site: bool = False


@dataclass(frozen=True)
class SiteCircuit:
    """A site as a circuit, with the names under which its parts are switched.

    All inverters are at one bus, from which the transformer leads to the main bus with all
    blocks; without a transformer both are one. From the main bus, or from a transformer upstream of
    it, lines lead to neighbouring sections, each a bus with its units and blocks. Where the blocks
    of the site are a section of a feeder, its lines lead on from the main bus to them. Diesel sets
    are at an emergency bus, which a tie connects to the main bus; a block with a transfer switch
    has a bus of its own, which both sides lead to. What phases differ in is left out, and so is the
    capacitance of lines.

    Attributes:
        site: The site.
        network: The circuit.
        formers: Batteries and diesel sets that can form the grid, in the order of the units of the
            network.
        blocks: In the order of the loads of the network, after those of cores.
        main_bus: Where the blocks of the site are.
        sections: The site, then its neighbours.
        source_w: Rating of the source that stands for the grid; 0 without one.
        feeder: What lies beyond the main bus.
        followers: Batteries that follow, and panels.
        motors: Of blocks, where they are simulated.
        motor_rules: Of all of them.
        emergency: Diesel sets and transfer switches; None where they take no part.
    """

    site: Microgrid
    network: DqNetwork
    formers: tuple[FormingSource, ...]
    blocks: tuple[LoadBlock, ...]
    main_bus: str
    sections: tuple[FeederSection, ...]
    source_w: float = 0.0
    feeder: UpstreamFeeder = NO_FEEDER
    followers: tuple[FollowingSource, ...] = ()
    motors: tuple[BlockMotor, ...] = ()
    motor_rules: MotorRules = field(default_factory=MotorRules)
    emergency: EmergencySupply | None = None

    @property
    def switches(self) -> tuple[TransferSwitch, ...]:
        """Of blocks that may be switched to the emergency bus."""
        return () if self.emergency is None else self.emergency.switches

    @property
    def engines(self) -> tuple[DieselSource, ...]:
        """The diesel sets among the units that form the grid."""
        return () if self.emergency is None else self.emergency.sets

    @cached_property
    def unit_place(self) -> dict[str, int]:
        """Place of each unit, and of the motors, in the network."""
        return {unit.name: place for place, unit in enumerate(self.network.units)}

    @cached_property
    def stiffness_w_per_hz(self) -> Float[Array, " unit"]:
        """By which each unit that forms the grid feeds more as the frequency falls."""
        found = []
        for unit in self.network.units[: len(self.formers)]:
            assert isinstance(unit, GridFormingUnit | SynchronousUnit)
            found.append(2.0 * np.pi / unit.device.droop_rad_per_s_per_w)
        return np.array(found)

    @property
    def breakers(self) -> tuple[str, ...]:
        """Of lines, and of a transformer upstream that is not started softly: open at first."""
        lines = tuple(section.line for section in self.sections if section.line)
        upstream = self.feeder.upstream
        hard = upstream is not None and upstream.energise == "hard"
        sides = [side for switch in self.switches for side in (switch.normal, switch.emergency)]
        return (*([UPSTREAM_TRANSFORMER] if hard else []), *lines, *sides)

    def half_cycle(self, sample_s: float) -> int:
        """How many samples are half a cycle."""
        return round(0.5 / (self.site.nominal_hz * sample_s))

    def with_block_power(self, factor: Mapping[str, float]) -> "SiteCircuit":
        """The circuit with blocks that draw so many times their power at nominal voltage."""
        block = {one.name: one for one in self.blocks}
        turning = {one.block: one.power_kw / block[one.block].power_kw for one in self.motors}
        loads = tuple(
            block_load(
                block[load.name],
                self.site,
                load.bus,
                factor.get(load.name, 1.0) - turning.get(load.name, 0.0),
            )
            if load.name in block
            else load
            for load in self.network.loads
        )
        return replace(self, network=replace(self.network, loads=loads))


def circuit(
    site: Microgrid,
    inverter: InverterSettings,
    grid: GridReturn | None = None,
    feeder: UpstreamFeeder = NO_FEEDER,
    following: FollowingRules | None = None,
    *,
    motors: MotorRules | None = None,
    emergency: EmergencySupply | None = None,
    panels: PanelSource | None = None,
) -> SiteCircuit:
    """The circuit of a site, with what lies beyond its main bus.

    Chargers that follow, panels, motors of blocks and diesel sets are in it if they are given, and
    left out otherwise.

    Raises:
        InputError: No battery that forms the grid, none of them that starts without voltage, a
            grid of another nominal frequency, names that a neighbour has, too.
    """
    check_site(site)
    formers: tuple[FormingSource, ...] = formers_of(site)
    feeder.check(site)
    switches: tuple[TransferSwitch, ...] = ()
    if emergency is not None:
        emergency.check(site)
        switches = emergency.switches
    switched = {switch.block: switch.bus for switch in switches}
    main = CHARGERS if site.transformer is None else MAIN
    beyond = main if feeder.upstream is None else UPSTREAM
    volts, hertz = site.nominal_v, site.nominal_hz
    units: list[Unit] = []
    units += _chargers(formers_of(site), CHARGERS, site, inverter)
    buses, branches, cores = [CHARGERS], [], []
    loads = [
        block_load(block, site, switched.get(block.name) or bus_of(site, block.bus, main), 1.0)
        for block in site.load_blocks
    ]
    # Chargers' bus, transformer and main bus, then what feeds them from beyond, the emergency bus
    # and neighbours. Whatever is not closed yet is in the circuit all the same, behind a breaker.
    if site.transformer is not None:
        buses.append(MAIN)
        branches.append(_leakage(TRANSFORMER, (CHARGERS, MAIN), site.transformer, volts, hertz))
        cores += _core(CORE, MAIN, site.transformer, volts)
    if feeder.upstream is not None:
        given = feeder.upstream.transformer
        buses.append(UPSTREAM)
        branches.append(_leakage(UPSTREAM_TRANSFORMER, (main, UPSTREAM), given, volts, hertz))
        cores += _core(UPSTREAM_CORE, UPSTREAM, given, volts)
    sections = [
        FeederSection(
            SITE,
            main,
            tuple(unit.name for unit in formers),
            tuple(block.name for block in site.load_blocks if block.name not in switched),
            tuple(unit.name for unit in _followers(site.batteries, following, panels)),
        )
    ]
    if emergency is not None:
        buses += [EMERGENCY, *switched.values()]
        branches += _wires(emergency, site, main)
        units += [
            SynchronousUnit(
                one.name, EMERGENCY, one.generator(emergency.rules, volts=volts, hertz=hertz)
            )
            for one in emergency.sets
        ]
        sets = tuple(one.name for one in emergency.sets)
        sections.append(
            FeederSection(EMERGENCY, EMERGENCY, sets, tuple(switched), line=TIE, of_site=True)
        )
        formers = (*formers, *emergency.sets)
    for one in feeder.neighbours:
        buses.append(one.name)
        inductance_h = feeder.line_inductance_h(one, hertz)
        branches.append(SeriesBranch(one.line, beyond, one.name, one.resistance_ohm, inductance_h))
        units += _chargers(one.formers, one.name, site, inverter)
        loads += [block_load(block, site, one.name, 1.0) for block in one.load_blocks]
        names = tuple(unit.name for unit in one.formers)
        blocks = tuple(block.name for block in one.load_blocks)
        last = tuple(unit.name for unit in _followers(one.batteries, following))
        sections.append(
            FeederSection(one.name, one.name, names, blocks, last, one.line, one.master)
        )
    if grid is not None:
        grid.check_nominal(hertz)
        units.append(GridFormingUnit(GRID, beyond, _source(grid, volts, hertz)))
    followers = _followers(site.batteries, following, panels)
    at = [CHARGERS] * len(followers)
    for one in feeder.neighbours:
        more = _followers(one.batteries, following)
        followers, at = (*followers, *more), [*at, *[one.name] * len(more)]
    if followers:
        rules = following or FollowingRules()
        units += [
            GridFollowingUnit(
                unit.name,
                bus,
                following_inverter(
                    unit,
                    rules,
                    volts=volts,
                    hertz=hertz,
                    connection_resistance_pu=inverter.connection_resistance_pu,
                    connection_reactance_pu=inverter.connection_reactance_pu,
                    current_limit_pu=inverter.current_limit_pu,
                ),
            )
            for unit, bus in zip(followers, at, strict=True)
        ]
    if site.section is not None:
        wires = site.section
        buses += [bus_of(site, bus, main) for bus in wires.buses if bus != wires.head]
        branches += [_section_branch(one, site, main) for one in wires.branches]
    blocks = site.load_blocks + tuple(b for one in feeder.neighbours for b in one.load_blocks)
    turning: tuple[BlockMotor, ...] = ()
    if motors is not None:
        turning = tuple(
            block_motor(one, motors, hertz, volts) for one in blocks if one.motor_share > 0
        )
        at_load = {load.name: load.bus for load in loads}
        units += [MotorUnit(one.name, at_load[one.block], one.motor, one.block) for one in turning]
    network = DqNetwork(hertz, tuple(buses), tuple(units), tuple(branches), (*cores, *loads))
    source_w = 0.0 if grid is None else STIFF_W_PER_KVA * grid.short_circuit_kva
    formers += tuple(unit for one in feeder.neighbours for unit in one.formers)
    made = SiteCircuit(
        site,
        network,
        formers,
        blocks,
        main,
        tuple(sections),
        source_w,
        feeder,
        followers,
        turning,
        motors or MotorRules(),
        emergency,
    )
    return made.with_block_power({})


def _wires(emergency: EmergencySupply, site: Microgrid, main: str) -> list[SeriesBranch]:
    """The tie to the main bus, and both sides of each transfer switch."""
    w = 2.0 * np.pi * site.nominal_hz
    kva = {block.name: block.power_kw / block.power_factor for block in site.load_blocks}
    sets_kva = sum(one.apparent_kva for one in emergency.sets)
    ends = [(TIE, (main, EMERGENCY), sets_kva)]
    for switch in emergency.switches:
        ends.append((switch.normal, (main, switch.bus), kva[switch.block]))
        ends.append((switch.emergency, (EMERGENCY, switch.bus), kva[switch.block]))
    found = []
    for name, (start, end), rating_kva in ends:
        ohm = WIRE_OHM_SHARE * site.nominal_v**2 / (1e3 * rating_kva)
        found.append(SeriesBranch(name, start, end, ohm, ohm / w))
    return found


def _followers(
    units: tuple[BatteryUnit, ...],
    following: FollowingRules | None,
    panels: PanelSource | None = None,
) -> tuple[FollowingSource, ...]:
    """Those that cannot form a grid, and panels, where they take part."""
    given = () if following is None else units
    able = (one for one in given if not one.grid_forming and one.max_discharge_kw > 0)
    return (*able, *(() if panels is None else (panels,)))


def _chargers(
    units: tuple[BatteryUnit, ...], bus: str, site: Microgrid, inverter: InverterSettings
) -> list[GridFormingUnit]:
    """Inverters that form the grid, at a bus."""
    volts, hertz = site.nominal_v, site.nominal_hz
    return [GridFormingUnit(one.name, bus, _charger(one, inverter, volts, hertz)) for one in units]


def _leakage(
    name: str, ends: tuple[str, str], given: UnitTransformer, volts: float, hertz: float
) -> SeriesBranch:
    """A transformer as its leakage, referred to one voltage."""
    ohms = volts**2 / (1e3 * given.rating_kva)
    leakage_h = given.reactance_pu * ohms / (2.0 * np.pi * hertz)
    return SeriesBranch(name, *ends, given.resistance_pu * ohms, leakage_h)


def _core(name: str, bus: str, given: UnitTransformer, volts: float) -> list[ImpedanceLoad]:
    """Loss of a core at a bus; none where it has none."""
    if given.core_loss_pu <= 0:
        return []
    core_ohm = volts**2 / (1e3 * given.rating_kva) / given.core_loss_pu
    return [ImpedanceLoad(name, bus, core_ohm, core_ohm / FASTEST_PER_S)]


def bus_of(site: Microgrid, bus: str, main: str) -> str:
    """Name in the circuit of a bus of the section; the main bus for its head, and without one."""
    return main if site.section is None or bus in ("", site.section.head) else f"bus {bus}"


def _section_branch(branch: SectionBranch, site: Microgrid, main: str) -> SeriesBranch:
    """A line or transformer of the section, which is attached to the main bus all the time.

    Its reactance is at least so large that explicit steps resolve it.
    """
    w = 2.0 * np.pi * site.nominal_hz
    least_ohm = max(w / FASTEST_PER_S * branch.resistance_ohm, LEAST_SECTION_OHM)
    return SeriesBranch(
        branch.name,
        bus_of(site, branch.from_bus, main),
        bus_of(site, branch.to_bus, main),
        branch.resistance_ohm,
        max(branch.reactance_ohm, least_ohm) / w,
    )


def block_load(block: LoadBlock, site: Microgrid, bus: str, factor: float) -> ImpedanceLoad:
    """A block as a constant impedance, which draws its power at nominal voltage.

    Its reactance is at least so large that explicit steps resolve it.
    """
    power_w = 1e3 * block.power_kw * factor
    w = 2.0 * np.pi * site.nominal_hz
    tangent = max(np.tan(np.arccos(block.power_factor)), w / FASTEST_PER_S)
    impedance = site.nominal_v**2 / (power_w * (1.0 - 1j * tangent))
    return ImpedanceLoad(block.name, bus, float(impedance.real), float(impedance.imag) / w)


def _charger(
    unit: BatteryUnit, settings: InverterSettings, volts: float, hertz: float
) -> DroopInverter:
    """The inverter of a charger, its connection to the bus among its coupling."""
    made = rated(
        1e3 * unit.apparent_kva,
        volts,
        hertz,
        droop_hz=settings.droop_hz,
        droop_voltage_pu=settings.droop_voltage_pu,
        current_limit_pu=settings.current_limit_pu,
    )
    ohms = volts**2 / (1e3 * unit.apparent_kva)
    more_h = settings.connection_reactance_pu * ohms / (2.0 * np.pi * hertz)
    more_ohm = settings.connection_resistance_pu * ohms
    return replace(
        made,
        coupling_inductance_h=made.coupling_inductance_h + more_h,
        coupling_resistance_ohm=made.coupling_resistance_ohm + more_ohm,
    )


def _source(grid: GridReturn, volts: float, hertz: float) -> DroopInverter:
    """The grid as an inverter without droop behind the grid's impedance, ten times as stiff."""
    rating_va = STIFF_W_PER_KVA * grid.short_circuit_kva
    made = rated(rating_va, volts, hertz, droop_hz=0.0, droop_voltage_pu=0.0)
    ohms = volts**2 / (1e3 * grid.short_circuit_kva)
    reactance = ohms * grid.x_over_r / np.hypot(1.0, grid.x_over_r)
    return replace(
        made,
        coupling_inductance_h=reactance / (2.0 * np.pi * hertz),
        coupling_resistance_ohm=reactance / grid.x_over_r,
    )


def formers_of(site: Microgrid) -> tuple[BatteryUnit, ...]:
    """The batteries that can form the grid."""
    return tuple(unit for unit in site.batteries if unit.grid_forming)


def check_site(site: Microgrid) -> None:
    """Refuse a site that cannot start, or whose names are not unique in the circuit.

    Raises:
        InputError: With the way out.
    """
    faults = []
    formers = formers_of(site)
    names = [unit.name for unit in site.batteries]
    taken = {TRANSFORMER, CORE, GRID, *names}
    if site.section is not None:
        taken |= {branch.name for branch in site.section.branches}
    if twice := tuple(block.name for block in site.load_blocks if block.name in taken):
        rule = f'differ from those of units and from "{TRANSFORMER}", "{CORE}" and "{GRID}"'
        faults.append(Fault("load_block.name", rule, twice, fix="Rename it."))
    if own := tuple(name for name in names if name in (TRANSFORMER, CORE, GRID)):
        rule = f'differ from "{TRANSFORMER}", "{CORE}" and "{GRID}"'
        faults.append(Fault("batteries.name", rule, own, fix="Rename it."))
    low, high = UNIT_KVA
    if odd := [unit for unit in formers if not low <= unit.apparent_kva <= high]:
        got, ids = tuple(unit.apparent_kva for unit in odd), tuple(unit.name for unit in odd)
        rule = f"be in [{low:g}, {high:g}] for one that forms the grid"
        faults.append(Fault("apparent_kva", rule, got, ids))
    elif formers and site.transformer is not None:
        most_kva = TRANSFORMER_OVER_UNIT * min(unit.apparent_kva for unit in formers)
        if site.transformer.rating_kva > most_kva:
            fix = "Its core alone would draw more than a unit can give. It is in kVA, not in VA."
            rule = f"be at most {most_kva:g}, {TRANSFORMER_OVER_UNIT:,} times the smallest unit"
            got = (site.transformer.rating_kva,)
            faults.append(Fault("transformer.rating_kva", rule, got, fix=fix))
    if not site.batteries:
        fix = "Give vehicles or a site battery."
        faults.append(Fault("batteries", "hold one that forms the grid", fix=fix))
    elif not formers:
        fix = "Chargers that follow a grid need one that is there; set grid_forming for one."
        faults.append(Fault("grid_forming", "be true for a battery", (False,), fix=fix))
    elif not any(unit.black_start for unit in formers):
        fix = "A charger whose own control is fed by the grid stays dark; set black_start for one."
        faults.append(Fault("black_start", "be true for a battery", (False,), fix=fix))
    raise_if_any("black start", faults)

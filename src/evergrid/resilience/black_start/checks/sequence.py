"""Can this site do this sequence at all: what is refused before anything is computed."""

from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.model.microgrid import BatteryUnit, Microgrid
from evergrid.resilience.black_start.assets.emergency import EmergencySupply
from evergrid.resilience.black_start.circuit import formers_of
from evergrid.resilience.black_start.settings import GridReturn, StartSequence
from evergrid.resilience.black_start.state.island import SAMPLE_S

MOST_UNITS = 100  # eigenvalues are found of all of them again and again
MOST_BLOCKS = 300
MOST_VALUES = 40_000_000  # kept of all samples
VALUES_A_UNIT, VALUES_A_BLOCK, VALUES = 4, 2, 4  # kept at each sample


def check_sequence(
    site: Microgrid,
    sequence: StartSequence,
    grid: GridReturn | None,
    emergency: EmergencySupply | None = None,
) -> None:
    """Refuse a sequence that this site cannot do, before anything is computed.

    Raises:
        InputError: No unit is there to start, a master that cannot, names in the order that are
            not there or are there twice, a time that ends before the bus lives or before the grid
            is back, more units and samples than the memory holds.
    """
    faults = []
    formers = formers_of(site)
    units = {unit.name: unit for unit in formers}
    names = [*units, *(block.name for block in site.load_blocks)]
    faults += _size_faults(site, sequence)
    least_s = sequence.auxiliary_s + sequence.ramp_s
    if sequence.duration_s <= least_s:
        rule = f"be above auxiliary_s and ramp_s together, {least_s:g} s"
        fix = "Before that nothing happens that could be shown."
        faults.append(Fault("start.duration_s", rule, (sequence.duration_s,), fix=fix))
    if not any(unit.black_start and unit.arrival_h <= 0 for unit in formers):
        rule = "hold one that starts without voltage and is there when the grid is lost"
        fix = "Let one be plugged in when the grid is lost (plugged_in), and form the grid."
        faults.append(Fault("batteries", rule, tuple(unit.name for unit in formers), fix=fix))
    if sequence.master:
        master = units.get(sequence.master)
        if master is None:
            fix = did_you_mean(sequence.master, list(units)) or f"Known: {', '.join(units)}."
            rule = "be a battery that forms the grid"
            faults.append(Fault("start.master", rule, (sequence.master,), fix=fix))
        elif not master.black_start:
            fix = "Its control is dark with the grid; set black_start, or choose another."
            rule = "be a battery that starts without voltage"
            faults.append(Fault("start.master", rule, (sequence.master,), fix=fix))
        elif master.arrival_h > 0:
            rule = "be there when the grid is lost"
            faults.append(Fault("start.master", rule, (sequence.master,)))
    unknown = tuple(name for name in sequence.order if name not in names)
    if unknown:
        fix = did_you_mean(unknown[0], names) or f"Known: {', '.join(names[:12])}."
        faults.append(Fault("start.order", "name units and blocks", unknown, fix=fix))
    switched = set() if emergency is None else {one.block for one in emergency.switches}
    if own := tuple(name for name in sequence.order if name in switched):
        fix = "Leave it out: its transfer switch takes the side that lives."
        faults.append(Fault("start.order", "name blocks without a transfer switch", own, fix=fix))
    if len(set(sequence.order)) < len(sequence.order):
        twice = tuple({one for one in sequence.order if sequence.order.count(one) > 1})
        faults.append(Fault("start.order", "name each once", twice))
    if grid is not None and grid.at_s >= sequence.duration_s:
        rule = f"be below start.duration_s, {sequence.duration_s:g} s"
        faults.append(Fault("grid_return.at_s", rule, (grid.at_s,)))
    first = [name for name in sequence.order if name in units][:1]
    if first and not sequence.master and not _starts(units[first[0]]):
        rule = "begin its units with one that is there and starts without voltage"
        fix = "Put another unit first, or name the first one in start.masters."
        faults.append(Fault("start.order", rule, tuple(first), fix=fix))
    raise_if_any("black start", faults)


def _starts(unit: BatteryUnit) -> bool:
    return unit.black_start and unit.arrival_h <= 0


def _size_faults(site: Microgrid, sequence: StartSequence) -> list[Fault]:
    """Faults of a black start that would fill the memory, or take hours."""
    units, blocks = len(formers_of(site)), len(site.load_blocks)
    faults = []
    if units > MOST_UNITS:
        fix = "Leave some out, or let them follow the grid: grid_forming = false."
        rule = f"be at most {MOST_UNITS} that form the grid"
        faults.append(Fault("units", rule, (units,), fix=fix))
    if blocks > MOST_BLOCKS:
        fix = "Put those that are closed together into one block."
        rule = f"be at most {MOST_BLOCKS}"
        faults.append(Fault("load_blocks", rule, (blocks,), fix=fix))
    values = VALUES_A_UNIT * units + VALUES_A_BLOCK * blocks + VALUES
    most_s = MOST_VALUES / values * SAMPLE_S
    if not faults and sequence.duration_s > most_s:
        rule = f"be at most {most_s:.4g} with {units} units and {blocks} blocks"
        fix = "What comes after is the matter of the study resilience."
        faults.append(Fault("start.duration_s", rule, (sequence.duration_s,), fix=fix))
    return faults

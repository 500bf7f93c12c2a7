"""The records that the kernels of held capacity take.

Arrays over slots hold one row per slot, so that all that a slot needs lies side by side.
"""

from typing import NamedTuple

from evergrid.core.arrays import Array, Float, Int


class Sets(NamedTuple):
    """Which awards each kind of row counts, and for how long each must last.

    Every field is a table of one row per set of awards that could be called together, and one
    column per award: 1 or 0, or hours. ``awards`` and the counts are tuples, whose lengths are part
    of their type, so that loops over them are unrolled.

    Attributes:
        awards: As many as there are.
        caps: As many, if what is held is limited beside; else none.
        ups: As many as sets that could be called upwards.
        downs: The same downwards.
        begin_lows: As many as sets that need energy at the begin of a step.
        begin_highs: The same of room for energy.
        end_lows: The same of energy at the end of a step.
        end_highs: The same of room.
        up: Awards that could be called upwards together.
        down: The same downwards.
        begin_low: Hours of feeding.
        begin_high: Hours of drawing.
        end_low: Hours of feeding.
        end_high: Hours of drawing.
    """

    awards: tuple[float, ...]
    caps: tuple[float, ...]
    ups: tuple[float, ...]
    downs: tuple[float, ...]
    begin_lows: tuple[float, ...]
    begin_highs: tuple[float, ...]
    end_lows: tuple[float, ...]
    end_highs: tuple[float, ...]
    up: Float[Array, "set award"]
    down: Float[Array, "set award"]
    begin_low: Float[Array, "set award"]
    begin_high: Float[Array, "set award"]
    end_low: Float[Array, "set award"]
    end_high: Float[Array, "set award"]


class HeldLayout(NamedTuple):
    """The stores of a program, sorted by node.

    Attributes:
        chunks: First store, stop, and node of each chunk.
        stores: First slot, stop, and first step of each store.
        of_store: Columns that `slot_kernels` names, then the drain of each award.
        of_slot: Columns that it names, then for each award whether it can be held, what a full
            share of it costs, and the share that it is limited to.
    """

    chunks: Int[Array, "chunk 3"]
    stores: Int[Array, "store 3"]
    of_store: Float[Array, "store column"]
    of_slot: Float[Array, "slot column"]


class HeldPoint(NamedTuple):
    """Where the iterate is, and what an iteration works in; one row per slot.

    Attributes:
        slack: Of every row of a slot.
        multiplier: Of each slack.
        product: Of the predicted changes of both.
        share: Of the limits drawn and fed, and of what could be held of each award.
        energy: Stored at the end of the slot.
        value: Worth of a kWh there.
        factor: Of the slot's own system, see `slot_kernels`.
        right: Its right-hand side.
        pull: Linear term of energy at the end of the slot.
        missed: By how much the balance of energy is missed.
        change: Of the shares.
        energy_change: Of energy.
    """

    slack: Float[Array, "slot row"]
    multiplier: Float[Array, "slot row"]
    product: Float[Array, "slot row"]
    share: Float[Array, "slot share"]
    energy: Float[Array, " slot"]
    value: Float[Array, " slot"]
    factor: Float[Array, "slot entry"]
    right: Float[Array, "slot share"]
    pull: Float[Array, " slot"]
    missed: Float[Array, " slot"]
    change: Float[Array, "slot share"]
    energy_change: Float[Array, " slot"]


class Scratch(NamedTuple):
    """What one slot works in.

    Attributes:
        rows: Coefficients of each row of a slot by its shares.
        gain: Energy stored by a full share of each.
        net: Net power of a full share of drawing and of feeding.
        held: Power of a full share of each award.
        slope: Change of each slack, or target of each multiplier.
        square: The slot's own system.
        one: A vector of shares.
        other: Another.
        outs: A matrix of shares by what the node sees.
    """

    rows: Float[Array, "row share"]
    gain: Float[Array, " share"]
    net: Float[Array, " 2"]
    held: Float[Array, " award"]
    slope: Float[Array, " row"]
    square: Float[Array, "share share"]
    one: Float[Array, " share"]
    other: Float[Array, " share"]
    outs: Float[Array, "share out"]


class HeldSums(NamedTuple):
    """What each chunk reports.

    Attributes:
        nets: Net power, then what is held of each award, by step.
        lifts: By how much net power rises when powers are cancelled to one direction.
        report: The columns that `evergrid.engine.interior_point.store_kernels` names.
        reach: Longest step of each store by itself, primal and dual.
    """

    nets: Float[Array, "chunk out step"]
    lifts: Float[Array, "chunk step"]
    report: Float[Array, "chunk 9"]
    reach: Float[Array, "store 2"]


class CallStiffness(NamedTuple):
    """How rows hold back what nodes see: net power alone, or with what could be called.

    Attributes:
        parts: What each kind of row counts of net power and of each award.
        stiff: Second derivative of the barriers of each kind, node and step.
        shift: Added to what the row counts, it undoes the offsets of slacks.
    """

    parts: Float[Array, "kind out"]
    stiff: Float[Array, "kind node step"]
    shift: Float[Array, "kind node step"]


class CallFactors(NamedTuple):
    """What the elimination keeps of all nodes.

    Attributes:
        answers: How net power and what is held answer a change of each node's own prices.
        home: Row of each node in the answers.
        factors: Upper factor of each node's felt rows.
        felt: Rows that are felt, kind by kind and step by step, the first ``counts`` of each node.
        counts: How many there are.
        held: What rows take up of a price, by felt row.
        above: Row of each node's parent in the changes of price.
    """

    answers: Float[Array, "home column column"]
    home: Int[Array, " node"]
    factors: Float[Array, "node rank rank"]
    felt: Int[Array, "node rank"]
    counts: Int[Array, " node"]
    held: Float[Array, "node rank"]
    above: Int[Array, " node"]


class RowChange(NamedTuple):
    """What a step changes of rows of nodes.

    Attributes:
        price: What each adds to prices.
        counted: What it counts.
    """

    price: Float[Array, "kind node step"]
    counted: Float[Array, "kind node step"]

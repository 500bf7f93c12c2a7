"""The engine's program with services: a holder for each session and service."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.dispatch.services.service import Service, calls
from evergrid.engine.program import Program
from evergrid.engine.terms.held_capacity import HeldCapacity


def with_services(
    program: Program,
    sessions: int,
    services: Sequence[Service],
    fed_cost_per_kwh: Float[Array, "session step"],
    fixed_kw: Float[Array, "service step"] | None = None,
) -> Program:
    """The program with a holder for each session and service, in a node of its own.

    Holders come after all stores, service by service.

    Args:
        program: Of energy alone.
        sessions: How many of its stores, from the first on, are sessions.
        services: What is sold.
        fed_cost_per_kwh: Of what calls feed from each session, until it is back.
        fixed_kw: Award of each service in each step, where that is decided.

    Raises:
        InputError: Limits that services do not know of yet.
    """
    _refuse_terms(program)
    count, steps = len(services), program.steps
    store = np.tile(np.arange(sessions), count)
    award = np.repeat(np.arange(count), sessions)
    most = np.array([np.full(steps, one.most_kw) for one in services])
    up, down, at_end = (
        np.array([getattr(one, name) for one in services], bool)
        for name in ("up", "down", "at_end")
    )
    hold_h = np.array([one.hold_h for one in services])
    term = HeldCapacity(
        store=store,
        holder=program.stores + np.arange(len(store)),
        award=award,
        drain=np.zeros(len(store)),  # what calls take is brought back beside the plan
        up=up,
        down=down,
        up_h=hold_h,
        down_h=hold_h,
        at_end=at_end,
        block_steps=np.array([one.block_steps for one in services]),
        least_kw=np.zeros((count, steps)) if fixed_kw is None else fixed_kw,
        most_kw=most if fixed_kw is None else fixed_kw,
        calls=calls(services),
    )
    slots = _Slots.of(program, store)
    credit = np.array([one.credit_per_kw for one in services])[award[slots.holder], slots.step]
    fed_share = np.array([one.fed_share for one in services])[award[slots.holder]]
    price = fed_share * fed_cost_per_kwh[store[slots.holder], slots.step] - credit
    # One way a store swings from full drawing to full feeding, both ways half as far.
    swing = program.charge_kw[store] + program.discharge_kw[store]
    most_kw = np.where((up & down)[award], 0.5 * swing, swing)
    return replace(_with_holders(program, store, slots, price, most_kw), terms=(term,))


def _refuse_terms(program: Program) -> None:
    faults = []
    for term in program.terms:
        fix = "Leave it out, or sell no service."
        faults.append(Fault("services", f"be none in a plan with {term.name}", fix=fix))
    raise_if_any("portfolio", faults)


@dataclass(frozen=True)
class _Slots:
    """Slots of all holders.

    Attributes:
        holder: Of each.
        slot: Of its store, in the same step.
        step: Of each.
    """

    holder: Int[Array, " slot"]
    slot: Int[Array, " slot"]
    step: Int[Array, " slot"]

    @staticmethod
    def of(program: Program, store: Int[Array, " holder"]) -> "_Slots":
        """Those of holders of these stores."""
        lengths = (program.stop - program.first)[store]
        holder = np.repeat(np.arange(len(store)), lengths)
        inside = np.arange(len(holder)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        of = store[holder]
        return _Slots(holder, program.begin[of] + inside, program.first[of] + inside)


def _with_holders(
    program: Program,
    store: Int[Array, " holder"],
    slots: _Slots,
    price: Float[Array, " slot"],
    most_kw: Float[Array, " holder"],
) -> Program:
    """The program with holders of these stores, at these prices of what they draw."""
    ones, zeros, none = np.ones(len(store)), np.zeros(len(store)), np.zeros(len(slots.slot))
    endless, steady = np.full((1, program.steps), np.inf), np.zeros((1, program.steps))
    # What a holder draws is the capacity that its session holds in that slot, not energy: it may
    # hold all it can for all of its time, so its energy, with a kWh to spare, never binds. The node
    # of all holders has no limits and no price; what ties them to sessions is the term's rows.
    more = {
        "first": program.first[store],
        "stop": program.stop[store],
        "share": program.share[slots.slot],
        "charge_kw": most_kw,
        "discharge_kw": zeros,
        "efficiency_charge": ones,
        "efficiency_discharge": ones,
        "energy_start_kwh": zeros,
        "energy_low_kwh": zeros - 1.0,
        "energy_high_kwh": most_kw * program.step_h * program.steps + 1.0,
        "energy_end_kwh": zeros - 1.0,
        "end_value_per_kwh": zeros,
        "draw_price_per_kwh": price,
        "feed_price_per_kwh": price,
        "node": np.full(len(store), program.nodes),
        "parent": np.array([-1]),
        "net_low_kw": -endless,
        "net_high_kw": endless,
        "load_kw": steady,
        "surcharge_per_kwh": steady,
        "peak_price_per_kw": np.zeros(1),
        "peak_before_kw": np.zeros(1),
    }
    optional = {
        "draw_curve_per_kwh_kw": none,
        "feed_curve_per_kwh_kw": none,
        "rest_kw": none,
        "budget_kwh": np.array([np.inf]),
        "peak_count": np.array([1]),
        "reserve_kwh": zeros - np.inf,
    }
    more |= {name: x for name, x in optional.items() if getattr(program, name) is not None}
    joined = {name: np.concatenate([getattr(program, name), x]) for name, x in more.items()}
    return replace(program, **joined)

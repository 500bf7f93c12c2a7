"""Held capacity against a peer's month of regulation, and against programs built row by row."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.optimize import linprog

from evergrid.core.errors import InputError
from evergrid.core.status import Status
from evergrid.engine import reference, solver
from evergrid.engine.certificate import Dual, bound
from evergrid.engine.parts import part
from evergrid.engine.program import Program, energy_path
from evergrid.engine.terms.held_capacity import HeldCapacity
from evergrid.engine.violations import violations
from tests.markets.test_pjm_score import DATA, needs_data

ROUND_TRIP = 0.85


def battery(
    price: np.ndarray,
    worth: np.ndarray,
    *,
    into: float,
    out: float = 1.0,
    drain: float = 0.0,
    hold_h: float = 0.0,
    block: int = 1,
    up: bool = True,
    down: bool = True,
) -> Program:
    """1 kW and 4 kWh, half full at both ends, by the hour; ``worth`` is what a kW held earns."""
    steps = len(price)
    endless = np.full((2, steps), np.inf)
    term = HeldCapacity(
        store=np.array([0]),
        holder=np.array([1]),
        award=np.array([0]),
        drain=np.array([drain]),
        up=np.array([up]),
        down=np.array([down]),
        up_h=np.array([hold_h]),
        down_h=np.array([hold_h]),
        at_end=np.array([True]),
        block_steps=np.array([block]),
        least_kw=np.zeros((1, steps)),
        most_kw=np.full((1, steps), np.inf),
        calls=np.array([[True]]),
    )
    return Program(
        step_h=1.0,
        steps=steps,
        first=np.zeros(2, np.int64),
        stop=np.full(2, steps),
        share=np.ones(2 * steps),
        charge_kw=np.array([1.0, 1.0]),
        discharge_kw=np.array([1.0, 0.0]),
        efficiency_charge=np.array([into, 1.0]),
        efficiency_discharge=np.array([out, 1.0]),
        energy_start_kwh=np.array([2.0, 0.0]),
        energy_low_kwh=np.zeros(2),
        energy_high_kwh=np.array([4.0, steps + 1.0]),
        energy_end_kwh=np.array([2.0, 0.0]),
        end_value_per_kwh=np.zeros(2),
        draw_price_per_kwh=np.concatenate([price, -worth]),
        feed_price_per_kwh=np.concatenate([price, -worth]),
        node=np.array([0, 1]),
        parent=np.array([-1, -1]),
        net_low_kw=-endless,
        net_high_kw=endless,
        load_kw=np.zeros((2, steps)),
        surcharge_per_kwh=np.zeros((2, steps)),
        peak_price_per_kw=np.zeros(2),
        peak_before_kw=np.zeros(2),
        terms=(term,),
    )


# -- a peer's month ----------------------------------------------------------------------------


def month(repeated: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energy, capability and performance prices of PJM in July 2022, per kWh and per kW."""
    energy = pl.read_csv(DATA.parent / "prices" / "pjm_rto_rt_lmp_hourly_2022-07.csv")
    market = pl.read_csv(DATA / "pjm_regulation_clearing_hourly_2022-07.csv")
    series = (energy["total_lmp_rt"], market["reg_ccp"], market["reg_pcp"])
    return tuple(np.tile(one.to_numpy(), repeated) / 1000.0 for one in series)  # type: ignore[return-value]


SPLIT = {"into": ROUND_TRIP**0.5, "out": ROUND_TRIP**0.5}


@needs_data
@pytest.mark.parametrize(
    ("losses", "hold_h", "mileage", "dollars"),
    [
        ({"into": ROUND_TRIP}, 0.0, 5.5, 41_946.74),
        (SPLIT, 0.0, 5.5, 41_898.44),
        (SPLIT, 0.25, 5.5, 41_796.54),
        (SPLIT, 0.5, 5.5, 41_675.10),
        (SPLIT, 1.0, 5.5, 41_340.20),
        ({"into": ROUND_TRIP}, 0.0, 1.0, 37_733.27),
        ({"into": ROUND_TRIP}, 0.0, None, 9_880.63),
        (SPLIT, 0.0, None, 9_340.70),
    ],
)
def test_a_month_of_regulation_is_worth_what_a_peer_finds(
    losses: dict[str, float], hold_h: float, mileage: float | None, dollars: float
) -> None:
    price, capability, performance = month()
    into, out = losses["into"], losses.get("out", 1.0)
    worth = 0.0 * price if mileage is None else 0.95 * (capability + mileage * performance)
    drain = 0.25 / out - 0.25 * into
    program = battery(price, worth, into=into, out=out, drain=drain, hold_h=hold_h)
    found = solver.solve(program, method="highs", smooth=False)
    assert found.status is Status.OPTIMAL
    assert found.certificate is not None
    assert -1000.0 * found.certificate.objective == pytest.approx(dollars, abs=0.006)


@needs_data
@pytest.mark.slow
def test_a_year_of_regulation_is_worth_what_a_peer_finds() -> None:
    price, capability, performance = (one[:8760] for one in month(12))
    worth = 0.95 * (capability + 5.5 * performance)
    program = battery(price, worth, into=ROUND_TRIP, drain=0.25 - 0.25 * ROUND_TRIP)
    found = solver.solve(program, method="highs", smooth=False)
    assert found.certificate is not None
    assert -1000.0 * found.certificate.objective == pytest.approx(494_382.85, abs=0.006)


# -- row by row --------------------------------------------------------------------------------


def by_hand(price: np.ndarray, worth: np.ndarray, **given: float) -> float:
    """The same by a program of its own: drawn, fed, held and energy of each hour."""
    into, out = given["into"], given.get("out", 1.0)
    hold_h, drain = given.get("hold_h", 0.0), given.get("drain", 0.0)
    up, down, block = given.get("up", 1.0), given.get("down", 1.0), int(given.get("block", 1))
    n = len(price)
    draw, feed, held, energy = (np.eye(4 * n)[k * n : (k + 1) * n] for k in range(4))
    before = np.vstack([np.zeros(4 * n), energy[:-1]])
    start = np.append(2.0, np.zeros(n - 1))
    balance = energy - before - into * draw + feed / out + drain * held
    most = [(up * held + feed - draw, np.ones(n)), (down * held + draw - feed, np.ones(n))]
    most.append((draw + feed, np.ones(n)))
    for here, known in ((energy, 0 * start), (before, start)):
        most.append((up * hold_h / out * held - here, known))
        most.append((down * hold_h * into * held + here, 4.0 - known))
    same = [held[k] - held[k - 1] for k in range(n) if k % block]
    limits = [(0, 1)] * (3 * n) + [(0, 4)] * (n - 1) + [(2, 4)]
    made = linprog(
        np.concatenate([price, -price, -worth, np.zeros(n)]),
        A_ub=np.vstack([rows for rows, _ in most]),
        b_ub=np.concatenate([right for _, right in most]),
        A_eq=np.vstack([balance, *same]),
        b_eq=np.concatenate([start, np.zeros(len(same))]),
        bounds=limits,
    )
    assert made.status == 0
    return float(made.fun)


@pytest.mark.parametrize("seed", range(10))
def test_cost_is_that_of_a_program_built_row_by_row(seed: int) -> None:
    rng = np.random.default_rng(seed)
    price, worth = rng.uniform(0.02, 0.3, 24), rng.uniform(0.0, 0.1, 24)
    given = {
        "into": 0.93,
        "out": 0.9,
        "drain": rng.uniform(0, 0.1),
        "hold_h": rng.choice([0.0, 0.5, 1.0]),
        "block": int(rng.choice([1, 4])),
        "up": seed % 3 != 1,
        "down": seed % 3 != 2,
    }
    program = battery(price, worth, **given)  # type: ignore[arg-type]
    found = reference.solve(program)
    assert found.certificate is not None
    assert found.certificate.objective == pytest.approx(by_hand(price, worth, **given), abs=1e-7)
    assert found.certificate.gap < 1e-6
    assert violations(program, found.power_kw).terms.max() < 1e-6
    rng = np.random.default_rng(seed)
    for _ in range(5):
        dual = found.dual
        prices = (dual.term_prices[0] + rng.normal(0, 0.05, len(dual.term_prices[0])),)
        value = dual.energy_value + rng.normal(0, 0.05, len(dual.energy_value))
        tried = Dual(value, dual.power_price, dual.budget_price, prices)
        assert bound(program, tried) <= found.certificate.objective + 1e-9


def test_what_is_held_takes_energy_from_the_store() -> None:
    program = battery(np.full(4, 0.1), np.full(4, 1.0), into=1.0, drain=0.25)
    power = np.array([0.0, 0.0, 0.0, 0.0, -0.4, -0.4, -0.4, -0.4])
    assert energy_path(program, power)[:4] == pytest.approx([1.9, 1.8, 1.7, 1.6])


def test_a_schedule_that_could_not_deliver_is_told_by_how_much() -> None:
    program = battery(np.full(4, 0.1), np.full(4, 1.0), into=1.0, hold_h=1.0)
    power = np.array([0.5, 0.5, 0.5, 0.0, -0.8, 0.0, 0.0, -0.9])
    # .8 held beside .5 fed is .3 too much; with .5 kWh left .9 for an hour misses .4
    assert violations(program, power).terms.max() == pytest.approx(0.4)


def test_a_part_has_all_of_it_or_nothing() -> None:
    program = battery(np.full(4, 0.1), np.full(4, 1.0), into=1.0)
    assert part(replace(program, constant=1.0), np.array([0, 1])).program.terms[0] is not None
    with pytest.raises(InputError, match="be all in a part"):
        part(replace(program, constant=1.0), np.array([0]))


def test_methods_that_do_not_cover_it_refuse_it_by_name() -> None:
    with pytest.raises(InputError, match=r"be highs or interior_point for .* held capacity"):
        solver.solve(battery(np.full(4, 0.1), np.full(4, 1.0), into=1.0), method="device")


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"hold_h": -1.0}, "up_h"), ({"block": 0}, "block_steps"),
     ({"drain": np.nan}, "drain")],
)  # fmt: skip
def test_terms_that_make_no_sense_are_refused(changed: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        battery(np.full(4, 0.1), np.full(4, 1.0), into=1.0, **changed)  # type: ignore[arg-type]

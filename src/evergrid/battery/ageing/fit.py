"""How do cells age by their tests: a power law under stress, and how well it predicts other cells.

Each cell follows ``k amount^p``, with one power for all cells. The logarithm of ``k`` is linear in
``1/T`` (Arrhenius) and in the other conditions. Both steps are least squares: for a power, the best
``k`` of each cell is known in closed form, so the power alone is searched; then the rates are
regressed on the conditions. What the regression leaves is how far cells of one make differ, and
gives the band in which another cell is expected. The sign of the temperature's effect is that of
the data: cells that are charged in the cold mostly age faster there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import t as student

from evergrid.core.arrays import Array, Bool, Float, Shaped
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import ZERO_C_IN_K
from evergrid.model.batteries.cell_tests import CellTests

REFERENCE_K = 298.15
# What a rate's logarithm is linear in, with the value at which the effect is taken as none.
CENTERS = {"temperature_c": 0.0, "soc": 0.5, "depth": 0.5, "c_rate": 0.5}
LOWEST_POWER, HIGHEST_POWER = 0.2, 3.0  # root of time with some saturation, to a steep knee
AT_LIMIT = 1e-3  # distance of a power from these, at which the search has run into one
GAS_CONSTANT_KJ = 8.314462618e-3  # kJ/(mol K), CODATA 2018
FEWEST_CELLS = 2  # whose differences say how far cells of one make are apart


@dataclass(frozen=True)
class FadeLaw:
    """A law of fade as fitted, of new cells of the same make.

    Attributes:
        tests: What it was fitted to.
        power: Of days or cycles.
        terms: Conditions that the rate depends on.
        dropped: Conditions that differ between cells, but of which too few cells tell the effect.
        effects: Logarithm of the rate at the reference, then per unit of each term; for the
            temperature per unit of 1/K.
        covariance: Of the effects, over the variance of a cell.
        spread: Standard deviation of the logarithm of cells' rates around the law.
        misfit: Root mean square of what cells' own curves leave of their fade.
    """

    tests: CellTests
    power: float
    terms: tuple[str, ...]
    dropped: tuple[str, ...]
    effects: Float[Array, " term"]
    covariance: Float[Array, "term term"]
    spread: float
    misfit: float

    @property
    def degrees_of_freedom(self) -> int:
        """Cells beyond those that the effects take."""
        return len(self.tests.cells) - len(self.effects)

    @property
    def activation_kj_per_mol(self) -> float | None:
        """Apparent activation energy; below 0 where cold ages more; None without an effect."""
        if "temperature_c" not in self.terms:
            return None
        return float(-self.effects[1 + self.terms.index("temperature_c")] * GAS_CONSTANT_KJ)

    @property
    def power_at_limit(self) -> bool:
        """Whether the power ran into an end of its range: the curves are no power law."""
        return min(self.power - LOWEST_POWER, HIGHEST_POWER - self.power) < AT_LIMIT

    def rate(
        self,
        temperature_c: Float[Array, "*cell"],
        others: Mapping[str, Float[Array, "*cell"]],
    ) -> Float[Array, "*cell"]:
        """Fade after one day or cycle at a temperature and other conditions, of which it may need.

        Cells that age faster in the cold stay, beyond the coldest and the warmest test, as they
        were there: Arrhenius' law does not tell where their ageing turns.
        """
        if (self.activation_kj_per_mol or 0.0) < 0.0:
            temperature_c = np.clip(temperature_c, *self.tested("temperature_c"))
        conditions = {"temperature_c": temperature_c, **others}
        log_rate = np.full(temperature_c.shape, self.effects[0])
        for term, effect in zip(self.terms, self.effects[1:], strict=True):
            log_rate += effect * _distance(term, conditions[term])
        return np.exp(log_rate)

    def predicted(
        self,
        amount: Float[Array, " row"],
        conditions: dict[str, float],
        *,
        confidence: float = 0.9,
    ) -> "Prediction":
        """Fade of another cell of the make, with a band that holds it so often.

        Args:
            amount: Days or cycles.
            conditions: What it is tested at.
            confidence: Share of cells that the band is to hold.
        """
        x = np.array([1.0, *(_distance(term, conditions[term]) for term in self.terms)])
        quantile = float(student.ppf((1 + confidence) / 2, self.degrees_of_freedom))
        wide = quantile * self.spread * np.sqrt(1.0 + x @ self.covariance @ x)
        beside = quantile * self.misfit
        grown = amount**self.power
        log_rate = float(x @ self.effects)
        return Prediction(
            fade=np.exp(log_rate) * grown,
            lowest=np.exp(log_rate - wide) * grown - beside,
            highest=np.exp(log_rate + wide) * grown + beside,
            extrapolated=tuple(
                name
                for name, value in conditions.items()
                if not self.tested(name)[0] <= value <= self.tested(name)[1]
            ),
        )

    def tested(self, condition: str) -> tuple[float, float]:
        """Lowest and highest value of a condition in the tests; no bounds where they do not say."""
        values = self.tests.conditions().get(condition)
        no_bounds = (-np.inf, np.inf)
        return no_bounds if values is None else (float(values.min()), float(values.max()))


@dataclass(frozen=True)
class Prediction:
    """Fade of a cell as a law expects it.

    Attributes:
        fade: Middle.
        lowest: Lower end of the band.
        highest: Upper end of the band.
        extrapolated: Conditions outside those that were tested.
    """

    fade: Float[Array, " row"]
    lowest: Float[Array, " row"]
    highest: Float[Array, " row"]
    extrapolated: tuple[str, ...]


@dataclass(frozen=True)
class HeldOutError:
    """How far cells were from what a law of other cells expected of them.

    Attributes:
        cell: The cells that were left out, in turn.
        error: Root mean square over the rows of each, as a share of the new cell.
        at_end: What was expected less what was measured in the last row of each.
        covered: Share of the rows of each that lie in the band.
        extrapolated: Which were at conditions outside those of the others.
    """

    cell: Shaped[Array, " cell"]
    error: Float[Array, " cell"]
    at_end: Float[Array, " cell"]
    covered: Float[Array, " cell"]
    extrapolated: Bool[Array, " cell"]


def fitted(tests: CellTests) -> FadeLaw:
    """The law that fits tests best.

    A condition becomes a term where it differs between cells, and where more cells than effects are
    left; else the cells' differences are part of their spread, and the condition is dropped.

    Raises:
        InputError: Too few cells, or one that has not aged.
    """
    cells = tests.cells
    if len(cells) < FEWEST_CELLS:
        fix = "One cell does not tell how far cells differ."
        rule = f"have {FEWEST_CELLS} cells at least"
        raise InputError("ageing", [Fault("cell", rule, (len(cells),), fix=fix)])
    curves = [(one.amount, one.change) for one in (tests.of(cells[[n]]) for n in range(len(cells)))]
    power = _best_power(curves)
    rates = _rates(curves, power)
    _must_age(cells, rates)
    terms, dropped = _terms(tests)
    conditions = tests.conditions()
    columns = [np.ones(len(cells)), *(_distance(term, conditions[term]) for term in terms)]
    design = np.array(columns).T
    inverse = np.linalg.pinv(design)  # well behaved where 1/T hardly differs
    effects = inverse @ np.log(rates)
    left = np.log(rates) - design @ effects
    return FadeLaw(
        tests=tests,
        power=power,
        terms=terms,
        dropped=dropped,
        effects=effects,
        covariance=inverse @ inverse.T,
        spread=float(np.sqrt(left @ left / (len(cells) - len(effects)))),
        misfit=float(np.sqrt(_misfit(curves, power))),
    )


def held_out(
    tests: CellTests, *, by: Literal["cell", "conditions"] = "cell", confidence: float = 0.9
) -> HeldOutError:
    """How well the law of other cells predicts each cell.

    Args:
        tests: Of three cells at least.
        by: Leave out the cell alone, or all cells of its conditions.
        confidence: Of the band.

    Raises:
        InputError: Too few other cells.
    """
    cells, conditions = tests.cells, tests.conditions()
    at = np.array([tuple(conditions[name][n] for name in conditions) for n in range(len(cells))])
    found = []
    for n in range(len(cells)):
        left_out = np.arange(len(cells)) == n
        if by == "conditions":
            left_out = (at == at[n]).all(axis=1)
        law = fitted(tests.of(cells[~left_out]))
        own = tests.of(cells[[n]])
        here = {name: float(values[n]) for name, values in conditions.items()}
        expected = law.predicted(own.amount, here, confidence=confidence)
        inside = (own.change >= expected.lowest) & (own.change <= expected.highest)
        beside = expected.fade - own.change
        error = float(np.sqrt(np.mean(beside**2)))
        found.append((error, beside[-1], inside.mean(), bool(expected.extrapolated)))
    error, at_end, covered, extrapolated = (np.array(values) for values in zip(*found, strict=True))
    return HeldOutError(cells, error, at_end, covered, extrapolated)


def _best_power(curves: list[tuple[Array, Array]]) -> float:
    """The power with which all curves are met best, each with its own rate."""
    found = minimize_scalar(
        lambda power: _misfit(curves, power),
        bounds=(LOWEST_POWER, HIGHEST_POWER),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return float(found.x)  # pyright: ignore[reportAttributeAccessIssue]


def _distance(term: str, values: Float[Array, "*cell"] | float) -> Float[Array, "*cell"] | float:
    """What the logarithm of a rate is linear in."""
    if term == "temperature_c":
        return 1.0 / (values + ZERO_C_IN_K) - 1.0 / REFERENCE_K
    return values - CENTERS[term]


def _rates(curves: list[tuple[Array, Array]], power: float) -> Float[Array, " cell"]:
    """The rate of each cell that fits its curve best, for a power."""
    found = []
    for amount, change in curves:
        grown = amount**power
        found.append(grown @ change / max(grown @ grown, np.finfo(float).tiny))
    return np.array(found)


def _misfit(curves: list[tuple[Array, Array]], power: float) -> float:
    """Mean over cells of the mean square of what their best rates leave."""
    rates = _rates(curves, power)
    squares = [
        np.mean((change - rate * amount**power) ** 2)
        for (amount, change), rate in zip(curves, rates, strict=True)
    ]
    return float(np.mean(squares))


def _must_age(cells: Shaped[Array, " cell"], rates: Float[Array, " cell"]) -> None:
    young = rates <= 0
    if young.any():
        fix = "A law of wear cannot be fitted to cells that gain; leave them out."
        names = tuple(str(cell) for cell in cells[young])
        raise_if_any("ageing", [Fault("cell", "have aged in its test", ids=names, fix=fix)])


def _terms(tests: CellTests) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Conditions that become terms, and those that differ but do not."""
    differ = [name for name, values in tests.conditions().items() if np.ptp(values) > 0]
    room = len(tests.cells) - FEWEST_CELLS
    return tuple(differ[:room]), tuple(differ[room:])

"""How an inverter moves near an equilibrium: eigenvalues, and which states take part in each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.inverter.circuit import InfiniteBus
from evergrid.resilience.inverter.equilibrium import Equilibrium, jacobian
from evergrid.resilience.inverter.model import AbstractInverter

NAMED = 3  # states that a message names
MARGIN_PER_S = 0.0  # real part up to which an eigenvalue is stable


@dataclass(frozen=True)
class InverterModes:
    """The modes of a linear system, the least damped first.

    Attributes:
        eigenvalue_per_s: Of each mode, complex.
        participation: Share of each state in each mode; the shares of a mode add up to 1.
        states: Names of the states.
    """

    eigenvalue_per_s: Shaped[Array, " mode"]
    participation: Float[Array, "mode state"]
    states: tuple[str, ...]

    @property
    def frequency_hz(self) -> Float[Array, " mode"]:
        """At which each mode swings."""
        return np.abs(np.imag(self.eigenvalue_per_s)) / (2 * np.pi)

    @property
    def damping_ratio(self) -> Float[Array, " mode"]:
        """Of each mode: 1 and more does not swing, below 0 grows."""
        return -np.real(self.eigenvalue_per_s) / np.abs(self.eigenvalue_per_s)

    @property
    def stable(self) -> bool:
        """Whether all modes decay."""
        return bool((np.real(self.eigenvalue_per_s) < MARGIN_PER_S).all())

    def main_states(self, mode: int) -> tuple[str, ...]:
        """States that take the greatest part in a mode, the greatest first."""
        order = np.argsort(-self.participation[mode], kind="stable")[:NAMED]
        return tuple(self.states[place] for place in order)


def modes(matrix: Float[Array, "n n"], states: Sequence[str]) -> InverterModes:
    """Eigenvalues and participation of a system x' = A x.

    Args:
        matrix: The A.
        states: Name of each row.

    Source:
        I. Perez-Arriaga, G. Verghese, F. Schweppe (1982), Selective modal analysis with
        applications to electric power systems, IEEE Transactions on Power Apparatus and Systems
        101(9), doi:10.1109/TPAS.1982.317524: products of right and left eigenvectors, here by
        size and to a sum of 1.
    """
    values, right = np.linalg.eig(matrix)
    part = np.abs(right * np.linalg.inv(right).T).T
    order = np.lexsort((np.imag(values), -np.real(values)))
    shares = part[order] / part[order].sum(axis=1, keepdims=True)
    return InverterModes(values[order], shares, tuple(states))


def state_matrix(
    inverter: AbstractInverter, bus: InfiniteBus, at: Equilibrium
) -> Float[Array, "state state"]:
    """Derivatives of all rates at an equilibrium, to the last digit."""
    given = at.references.array()

    def rates(state: Array) -> Array:
        return inverter.rates_per_s(
            state, np.broadcast_to(given[:, None], (3, *state.shape[1:])), bus
        )

    return jacobian(rates, at.state)


def linearised(inverter: AbstractInverter, bus: InfiniteBus, at: Equilibrium) -> InverterModes:
    """InverterModes of an inverter near an equilibrium."""
    return modes(state_matrix(inverter, bus, at), inverter.states)


def check_stable(found: InverterModes) -> None:
    """Refuse what would grow without end, and name the eigenvalue.

    Raises:
        InputError: An eigenvalue with a real part that is not below 0, and its main states.
    """
    worst = found.eigenvalue_per_s[0]
    if found.stable:
        return
    swing = f" +- j{abs(worst.imag):.6g}" if worst.imag else ""
    hz = f", {found.frequency_hz[0]:.4g} Hz" if worst.imag else ""
    rule = (
        "be stable: every eigenvalue must have a real part below 0; "
        f"most of this one is {', '.join(found.main_states(0))}"
    )
    fix = "Change the gains of those states, or allow_unstable to see it grow."
    got = f"{worst.real:.6g}{swing} 1/s{hz}"
    raise_if_any("inverter", [Fault("inverter", rule, (got,), fix=fix)])

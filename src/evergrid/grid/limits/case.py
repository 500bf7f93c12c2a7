"""A feeder, the load on it without vehicles, and the limits that must hold."""

from dataclasses import dataclass

from evergrid.core.arrays import Array, Float, Int
from evergrid.grid.feeder.feeder import Branches, Feeder
from evergrid.grid.flow.power_flow import Network
from evergrid.grid.limits.limits import Limits


@dataclass(frozen=True)
class FeederCase:
    """A feeder with its load and generation without vehicles: the base case.

    Attributes:
        networks: The feeder, reduced, in each state that taps and capacitor banks take.
        state: Row of the network that each step meets.
        base_kw: Power of the branches without vehicles, by step, into the grid.
        base_kvar: Reactive power of the branches without vehicles, into the grid.
        step_h: Length of a step.
        limits: What must hold.
    """

    networks: tuple[Network, ...]
    state: Int[Array, " step"]
    base_kw: Float[Array, "branch step"]
    base_kvar: Float[Array, "branch step"]
    step_h: float
    limits: Limits

    @property
    def feeder(self) -> Feeder:
        """The feeder."""
        return self.networks[0].feeder

    @property
    def branches(self) -> Branches:
        """Where power enters or leaves."""
        return self.networks[0].branches

    @property
    def window(self) -> int:
        """Steps that an average is taken over: the limits' window, at most all there are."""
        steps = max(1, round(self.limits.window_h / self.step_h))
        return min(steps, self.base_kw.shape[1])

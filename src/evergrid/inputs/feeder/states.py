"""How taps and capacitor banks stand over the steps, and the feeder's network in each state."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder, State
from evergrid.grid.flow.power_flow import Network, reduce
from evergrid.inputs.feeder.source import FeederSource


@dataclass(frozen=True)
class FeederStates:
    """Settles taps and banks, and reduces the feeder once for each state that is met.

    Attributes:
        source: Where the feeder was read from.
        folder: What relative paths start from.
        feeder: As read.
        follow: Whether taps and banks follow the power; else they stay as they were read.
    """

    source: FeederSource
    folder: Path
    feeder: Feeder
    follow: bool
    _networks: dict[State, Network] = field(default_factory=dict, compare=False)

    def settled(
        self,
        power_kw: Float[Array, "branch step"],
        reactive_kvar: Float[Array, "branch step"],
        *,
        first: Sequence[State] = (),
    ) -> tuple[tuple[Network, ...], Int[Array, " step"]]:
        """The feeder in each state that is met, and the row of the state of each step.

        Args:
            power_kw: Power of the branches, into the grid.
            reactive_kvar: Reactive power of the branches, into the grid.
            first: States to begin the networks with, whether they are met or not.

        Raises:
            InputError: OpenDSS finds no solution.
        """
        feeder = self.feeder
        states = [feeder.state] * power_kw.shape[1]
        if self.follow and (feeder.regulators or feeder.capacitors):
            path, commands = self.source.path(self.folder), self.source.all_commands
            states = opendss.settled(path, feeder, power_kw, reactive_kvar, commands=commands)
        distinct = list(dict.fromkeys([*first, *states]))
        row = {state: i for i, state in enumerate(distinct)}
        networks = tuple(self._network(state) for state in distinct)
        return networks, np.array([row[state] for state in states])

    def _network(self, state: State) -> Network:
        if state not in self._networks:
            self._networks[state] = reduce(self.feeder, state=state)
        return self._networks[state]

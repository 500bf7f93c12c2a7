"""Motors that lose their voltage run down, and start from what is left of their speed."""

from evergrid.resilience.black_start.circuit import SiteCircuit
from evergrid.resilience.inverter.droop import STATES
from evergrid.resilience.machine.induction import SPEED, coasted
from evergrid.resilience.network.assembly import Assembly
from evergrid.resilience.network.dq_state import DqState


class CoastingMotors:
    """Speeds of motors without voltage; their flux is taken to be gone when it comes back.

    Args:
        circuit: The site.
    """

    def __init__(self, circuit: SiteCircuit) -> None:
        self._circuit = circuit
        self._speed: dict[str, tuple[float, float]] = {}  # at a time

    def switched(self, before: DqState, after: DqState, assembly: Assembly | None) -> DqState:
        """The state after breakers have moved, with the speeds of motors that get voltage.

        Args:
            before: The state before.
            after: That after, in which they stand.
            assembly: What is connected then; None for nothing.
        """
        if not self._circuit.motors:
            return after
        running = set() if assembly is None else set(assembly.units.tolist())
        values = after.values.copy()
        for one in self._circuit.motors:
            place = self._circuit.unit_place[one.name]
            at = place * len(STATES) + SPEED
            if place not in running:
                if one.name not in self._speed:
                    self._speed[one.name] = float(before.values[at]), before.time_s
            elif one.name in self._speed:
                speed, since_s = self._speed.pop(one.name)
                values[at] = coasted(speed, one.motor, after.time_s - since_s)
        return DqState(after.time_s, values)

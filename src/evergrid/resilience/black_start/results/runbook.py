"""The black start as a sheet for those who do it: step, when, who, what, check, when to abort."""

from dataclasses import dataclass

import numpy as np

from evergrid.resilience.black_start.assets.emergency import TIE
from evergrid.resilience.black_start.results.outcome import (
    Action,
    BlackStart,
    ClosingCheck,
    StartEvent,
)
from evergrid.resilience.black_start.settings import ProtectionLimits, SynchroCheck

OPERATOR, CHARGER, RELAY = "operator on site", "charger's control", "synchro-check relay"
DIESEL, SWITCH = "control of the diesel sets", "transfer switch"


@dataclass(frozen=True)
class RunbookStep:
    """One step.

    Attributes:
        step: Number, from 1.
        time_s: From the loss of the grid, as simulated.
        who: Does it.
        action: What is done.
        check: What must be seen before the next step.
        abort: When to stop, and what to do then.
    """

    step: int
    time_s: float
    who: str
    action: str
    check: str
    abort: str


def runbook(
    found: BlackStart, limits: ProtectionLimits, synchronise: SynchroCheck
) -> tuple[RunbookStep, ...]:
    """The steps that people and controls do; trips and sheddings are none."""
    words = _Words(found, limits, synchronise)
    steps = []
    for event in found.events:
        told = words.of(event)
        if told is not None:
            who, action, check, abort = told
            steps.append(RunbookStep(len(steps) + 1, event.time_s, who, action, check, abort))
    return tuple(steps)


class _Words:
    """Sentences for each kind of step."""

    def __init__(
        self, found: BlackStart, limits: ProtectionLimits, synchronise: SynchroCheck
    ) -> None:
        self.limits = limits
        self.synchronise = synchronise
        self.nominal_hz = found.circuit.site.nominal_hz
        self.checks = {check.closing: check for check in found.checks}
        self.sections = {one.line: one.name for one in found.circuit.sections if one.line}
        self.sets = {one.name for one in found.circuit.engines}
        self.switches = {one.block: one for one in found.circuit.switches}
        upstream = found.circuit.feeder.upstream
        self.behind = "" if upstream is None else " upstream"
        self.soft_upstream = upstream is not None and upstream.energise == "soft"

    def of(self, event: StartEvent) -> tuple[str, str, str, str] | None:
        """Who, action, check and abort of an event; none for what nobody does."""
        of_action = {
            Action.GRID_LOST: self._lost,
            Action.AUXILIARIES: self._auxiliaries,
            Action.SOFT_START: self._soft_start,
            Action.PICK_UP: self._pick_up,
            Action.ENERGISED: self._energised,
            Action.JOINED: self._joined,
            Action.ENTERED: self._entered,
            Action.SYNCHRONISED: self._synchronised,
            Action.CLOSED_BLIND: self._closed_blind,
            Action.REFUSED: self._refused,
            Action.NO_START: self._no_start,
            Action.TRANSFERRED: self._transferred,
            Action.GRID_BACK: self._grid_back,
            Action.RECONNECTED: self._reconnected,
        }
        make = of_action.get(event.action)
        return None if make is None else make(event)

    def _lost(self, event: StartEvent) -> tuple[str, str, str, str]:
        lines = set(self.sections) - {TIE}
        more = ", and of the lines to neighbouring sections" if lines else ""
        if self.sets:
            more += "; leave the emergency bus to the diesel sets and the transfer switches"
        if self.soft_upstream:
            more += "; leave the transformer upstream attached"
        return (
            OPERATOR,
            f"Open the breaker to the grid{self.behind} and the breakers of all blocks{more}; hang "
            "a sign.",
            "The main bus is dead in all phases; every breaker shows open.",
            "Voltage on the bus, or a breaker that does not open: do not start.",
        )

    def _auxiliaries(self, event: StartEvent) -> tuple[str, str, str, str]:
        return (
            CHARGER,
            f"Feed control, contactors and network of {event.actor} from the vehicles.",
            "Each charger reports its vehicle, energy and insulation.",
            "A charger that does not report stays out; without the first one, choose another.",
        )

    def _diesel(self, event: StartEvent) -> tuple[str, str, str, str]:
        return (
            DIESEL,
            f"{event.actor} {event.cause}.",
            f"The emergency bus at {event.after.voltage_pu:.2f} pu and "
            f"{event.after.frequency_hz:.2f} Hz.",
            "No voltage after three tries: leave it, the blocks of the transfer switches wait for "
            "the main bus.",
        )

    def _no_start(self, event: StartEvent) -> tuple[str, str, str, str]:
        return (
            DIESEL,
            f"{event.actor} is called and does not start.",
            "Its control shows the fault.",
            "Send somebody to it; go on without it.",
        )

    def _transferred(self, event: StartEvent) -> tuple[str, str, str, str]:
        return (
            SWITCH,
            f"{event.actor} goes {event.cause}.",
            f"The main bus stays at {event.after.voltage_pu:.2f} pu; the switch shows its normal "
            "side closed and its emergency side open.",
            "Voltage or frequency outside their limits: switch it back by hand and lock it there.",
        )

    def _taken(self, event: StartEvent) -> tuple[str, str, str, str]:
        return (
            SWITCH,
            f"Takes {event.actor} onto a side that lives ({event.cause}).",
            self._expected(self.checks.get(event.actor)),
            "It stays open: look at the voltage of both sides; never close it by hand onto both.",
        )

    def _soft_start(self, event: StartEvent) -> tuple[str, str, str, str]:
        if event.actor in self.sets:
            return self._diesel(event)
        what = "bus and transformer" if "transformer" in event.cause else "bus"
        return (
            CHARGER,
            f"{event.actor} {event.cause}.",
            f"The {what} at {event.after.voltage_pu:.2f} pu and {event.after.frequency_hz:.2f} Hz, "
            "three phases alike.",
            "Current above the rated one, or no voltage after twice the time: stop, look for a "
            "short circuit or a block that is still closed.",
        )

    def _pick_up(self, event: StartEvent) -> tuple[str, str, str, str]:
        check = self.checks.get(event.actor)
        if event.actor in self.switches:
            return self._taken(event)
        return (
            OPERATOR,
            f"Close {event.actor} ({event.cause}).",
            self._expected(check),
            f"Voltage below {self.limits.pick_up_voltage_pu:g} pu or frequency below "
            f"{self.nominal_hz - self.limits.pick_up_deviation_hz:g} Hz for a second: open "
            f"{event.actor} again, bring another unit first.",
        )

    def _expected(self, check: ClosingCheck | None) -> str:
        if check is None or not np.isfinite(check.lowest_voltage_pu):
            return "Voltage and frequency stay inside their limits."
        return (
            f"Voltage dips to no less than {check.lowest_voltage_pu:.2f} pu, the frequency settles "
            f"near {check.settled_hz:.2f} Hz."
        )

    def _energised(self, event: StartEvent) -> tuple[str, str, str, str]:
        least = self.limits.pick_up_voltage_pu
        if event.actor in self.sections:
            return (
                OPERATOR,
                f"Agree with the crew of {self.sections[event.actor]} that nobody works on its "
                f"section and all its breakers are open; close {event.actor}.",
                f"Its bus at {event.after.voltage_pu:.2f} pu in three phases, no current beside "
                "that of the line.",
                f"Voltage below {least:g} pu or a current: open {event.actor}, look for a short "
                "circuit or a breaker that is still closed.",
            )
        return (
            OPERATOR,
            f"Close the {event.actor} from its low side, its high side open ({event.cause}).",
            f"The current is gone after a second; its high side at {event.after.voltage_pu:.2f} "
            "pu in three phases.",
            f"Voltage below {least:g} pu for longer than a blink, or a hum that stays: open it, "
            "go on without what lies beyond.",
        )

    def _joined(self, event: StartEvent) -> tuple[str, str, str, str]:
        told, name = self.synchronise, self.sections[event.actor]
        agreed = f"Agree with the crew of {name}; let"
        if event.actor == TIE:
            agreed = "Put the diesel sets in parallel; let"
        return (
            RELAY,
            f"{agreed} its island pass the site by {told.slip_hz:g} Hz "
            f"at its voltage, close {event.actor}.",
            f"At closing: angle within {told.greatest_angle_deg:g} degrees, voltage within "
            f"{100 * told.greatest_voltage_pu:g} %, slip within {told.greatest_slip_hz:g} Hz. "
            "Then all units of both islands carry alike; nobody holds nominal frequency alone.",
            f"No closing within {2.0 / told.slip_hz:.0f} s, or power that swings between both: "
            f"open {event.actor}; both islands go on by themselves.",
        )

    def _entered(self, event: StartEvent) -> tuple[str, str, str, str]:
        return (
            CHARGER,
            f"{event.actor} enters service by itself ({event.cause}); set off its protection "
            "against islands before.",
            "Its power rises as told, and that of the units that form the grid falls.",
            "It trips: leave it off, lower its power or look for its settings. Units that are "
            f"charged: switch {event.actor} off.",
        )

    def _closed_blind(self, event: StartEvent) -> tuple[str, str, str, str]:
        if event.actor not in self.sections:
            return self._synchronised(event)
        who, action, check, _ = self._joined(event)
        abort = "It was closed without any check, which nobody should repeat."
        return who, action, check, abort

    def _synchronised(self, event: StartEvent) -> tuple[str, str, str, str]:
        told = self.synchronise
        return (
            RELAY,
            f"Start {event.actor} beside the island, let it pass by {told.slip_hz:g} Hz, close.",
            f"At closing: angle within {told.greatest_angle_deg:g} degrees, voltage within "
            f"{100 * told.greatest_voltage_pu:g} %, slip within {told.greatest_slip_hz:g} Hz. "
            "Then all units carry alike.",
            f"No closing within {2.0 / told.slip_hz:.0f} s, or power that swings: open "
            f"{event.actor}, go on without it.",
        )

    def _refused(self, event: StartEvent) -> tuple[str, str, str, str]:
        return (
            OPERATOR,
            f"Do not close {event.actor}.",
            f"It would fail: {event.cause}.",
            "Leave it open until a new study allows it.",
        )

    def _grid_back(self, event: StartEvent) -> tuple[str, str, str, str]:
        return (
            OPERATOR,
            f"Confirm with the utility that the grid stays: {event.cause}.",
            "Five minutes of normal voltage by the rule of many grids, or what is agreed.",
            "A grid that goes again: stay islanded.",
        )

    def _reconnected(self, event: StartEvent) -> tuple[str, str, str, str]:
        what = "breaker upstream of the transformer" if self.behind else "main breaker"
        return (
            RELAY,
            f"Let the island pass the grid, close the {what}, hand the load over.",
            f"At closing: {event.cause}. Then the power of the units goes to zero.",
            "No closing: take the slip to the other side; never close by hand.",
        )

"""Regulators and capacitor banks of a compiled OpenDSS circuit, with what controls them.

What a control does that is not modelled is told by name; docs/concepts/volt_var.md lists what is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from evergrid.core.arrays import Array, Int
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.grid.feeder.feeder import (
    GROUND,
    Capacitor,
    CapacitorControl,
    ControlReading,
    Currents,
    Regulator,
    ReverseFlow,
    TapControl,
)
from evergrid.grid.feeder.reader.circuit import REBUILD, Circuit

KINDS = {  # of a bank's control, as OpenDSS writes them
    "voltage": "voltage",
    "current": "current",
    "kvar": "kvar",
    "powerfactor": "pf",
    "time": "time",
}
PHASE_CHOICES = {"max": "highest", "min": "lowest", "avg": "mean"}
LINEAR = ("line", "transformer", "reactor")  # their currents are linear in voltages
PF_DEFAULTS = (0.95, 1.05)  # where a setting is no power factor, OpenDSS takes these
DEAD_V = 1e-3  # a node of a lower voltage is fed by nothing


class Switches(Circuit):
    """Reads what switches."""

    def __init__(self, engine: Any) -> None:
        super().__init__(engine)
        self.not_modelled: list[tuple[str, str]] = []
        self.moving: set[str] = set()

    def _leave_out(self, name: str, what: str) -> None:
        """Note that a control does more than is modelled."""
        self.not_modelled.append((name, what))
        self.notes.append(
            f"{name} ({what}) is not modelled: what it controls stays where OpenDSS settles it, "
            "and operations are not counted."
        )

    def _number(self, name: str, key: str) -> float:
        return float(self._property(name, key))

    def _yes(self, name: str, key: str) -> bool:
        return self._property(name, key).lower() in ("yes", "true")

    def _regulators(self) -> tuple[tuple[Regulator, ...], tuple[float, ...]]:
        """Regulators, each with the controls of its transformer, and where their taps stand.

        Raises:
            InputError: A transformer has controls of taps on several windings, or no taps, or a
                control measures at a bus that nothing feeds.
        """
        of_transformer: dict[str, list[str]] = {}
        for name in self._named("regcontrol"):
            transformer = self._property(name, "transformer").split(".", 1)[-1].lower()
            if f"transformer.{transformer}" in self._enabled:
                of_transformer.setdefault(transformer, []).append(name)
            elif f"autotrans.{transformer}" in self._enabled:
                self._leave_out(name, f"transformer={transformer}, an autotransformer")
        made = [self._regulator(t, names) for t, names in of_transformer.items()]
        return tuple(regulator for regulator, _ in made), tuple(tap for _, tap in made)

    def _fault(self, rule: str, got: object, name: str, fix: str) -> InputError:
        return InputError(self.circuit.Name, [Fault("regcontrol", rule, (got,), (name,), fix=fix)])

    def _regulator(self, transformer: str, names: list[str]) -> tuple[Regulator, float]:
        tapped = {int(self._property(name, "tapwinding")) for name in names}
        if len(tapped) > 1:
            rule, fix = "move taps of one winding of a transformer", "Disable one of the controls."
            raise self._fault(rule, sorted(tapped), names[-1], fix)
        element = self._element(f"transformer.{transformer}")
        where, admittance = self._conductors(element), self._primitive(element)
        per, (tapped_winding,) = element.NumConductors, tapped
        windings = self._windings(transformer)
        windings.Wdg = tapped_winding
        lowest, highest = float(windings.MinTap), float(windings.MaxTap)
        if windings.NumTaps < 1 or highest <= lowest:
            fix = "Give its winding numtaps, and mintap below maxtap."
            raise self._fault("control a transformer with taps", windings.NumTaps, names[0], fix)
        self.moving.add(f"transformer.{transformer}")
        on_tapped = np.arange(len(where)) // per + 1 == tapped_winding
        ratio = float(windings.Tap)
        turns = np.where(on_tapped, ratio, 1.0)
        regulator = Regulator(
            name=names[0].split(".", 1)[1],
            transformer=transformer,
            tapped_winding=tapped_winding,
            nodes=where,
            admittance=admittance * turns[:, None] * turns[None, :],
            tapped=on_tapped,
            lowest=lowest,
            highest=highest,
            step=(highest - lowest) / windings.NumTaps,
            controls=tuple(self._tap_control(name, transformer, where) for name in names),
        )
        return regulator, regulator.tap(ratio)

    def _windings(self, transformer: str) -> Any:
        windings = self.circuit.Transformers
        windings.Name = transformer
        return windings

    def _tap_control(
        self, name: str, transformer: str, where: Int[Array, " conductor"]
    ) -> TapControl:
        number = int(self._property(name, "winding"))
        remote = None
        if self._property(name, "bus"):
            remote = self._remote(name, transformer, number)
        sensed, returning, choice = self._sensed(name, transformer, number, remote is not None)
        element = self._element(f"transformer.{transformer}")
        of_winding = np.arange(len(where)) // element.NumConductors + 1 == number
        return TapControl(
            name=name.split(".", 1)[1],
            winding=of_winding,
            sensed=sensed,
            returning=returning,
            choice=choice,
            remote=remote,
            remote_pt_ratio=self._number(name, "remoteptratio"),
            winding_v=self._winding_v(transformer, number),
            same_winding=number == int(self._property(name, "tapwinding")),
            frozen=int(self._property(name, "maxtapchange")) == 0,
            target_v=self._number(name, "vreg"),
            band_v=self._number(name, "band"),
            limit_v=self._number(name, "vlimit"),
            pt_ratio=self._number(name, "ptratio"),
            ct_primary_a=self._number(name, "ctprim"),
            compensation_v=complex(self._number(name, "r"), self._number(name, "x")),
            compensation_z_v=self._number(name, "ldc_z"),
            delay_s=self._number(name, "delay"),
            inverse_time=self._yes(name, "inversetime"),
            tap_delay_s=self._number(name, "tapdelay"),
            reverse=self._reverse(name) if remote is None else None,
        )

    def _reverse(self, name: str) -> ReverseFlow | None:
        """What a control does while power flows back; one of another bus ignores direction."""
        cogeneration = self._yes(name, "cogen")
        if not (cogeneration or self._yes(name, "reversible")):
            return None
        return ReverseFlow(
            cogeneration=cogeneration,
            target_v=self._number(name, "revvreg"),
            band_v=self._number(name, "revband"),
            compensation_v=complex(self._number(name, "revr"), self._number(name, "revx")),
            compensation_z_v=self._number(name, "rev_z"),
            threshold_kw=self._number(name, "revthreshold"),
            delay_s=self._number(name, "revdelay"),
            to_neutral=self._yes(name, "revneutral"),
        )

    def _winding_v(self, transformer: str, number: int) -> float:
        """Rated voltage of a winding, as OpenDSS counts a boost in its shares."""
        phases = self._element(f"transformer.{transformer}").NumPhases
        windings = self._windings(transformer)
        windings.Wdg = number
        between = windings.IsDelta or phases not in (2, 3)  # a line-to-line voltage else
        return windings.kV * 1000.0 / (1.0 if between else np.sqrt(3.0))

    def _sensed(
        self, name: str, transformer: str, number: int, remote: bool
    ) -> tuple[Int[Array, " phase"], Int[Array, " phase"], str]:
        """Conductors whose voltages a control looks at, what they are measured against, and how."""
        element = self._element(f"transformer.{transformer}")
        phases, per = element.NumPhases, element.NumConductors
        phase = self._property(name, "ptphase").lower()
        choice = PHASE_CHOICES.get(phase, "one")
        some = np.arange(phases)
        if remote:  # the winding's first phase is the one that a limit judges
            if choice == "one" and phase != "1":
                self._leave_out(name, f"ptphase={phase} of another bus")
            some, choice = some[:1], "one"
        elif choice == "one":
            some = np.array([int(phase) - 1])
        first = (number - 1) * per
        windings = self._windings(transformer)
        windings.Wdg = number
        if not windings.IsDelta:
            return first + some, np.full(len(some), first + phases), choice
        after = some + self._turning(transformer)
        after = after % phases if phases > 2 else np.where(after < 0, 2, after)
        if (after >= per).any():
            self._leave_out(name, "ptphase: the delta winding has no such phase")
            after = np.minimum(after, per - 1)
        return first + some, first + after, choice

    def _turning(self, transformer: str) -> int:
        """Which way OpenDSS goes around a delta: 1 to the next phase, -1 to the one before."""
        windings = self._windings(transformer)
        delta, kv = [], []
        for number in (1, 2):
            windings.Wdg = number
            delta.append(bool(windings.IsDelta))
            kv.append(float(windings.kV))
        if delta[0] == delta[1]:
            return 1
        leads = self._property(f"transformer.{transformer}", "leadlag").lower() in ("lead", "euro")
        high = 0 if kv[0] >= kv[1] else 1
        return 1 if delta[high] == leads else -1

    def _remote(self, name: str, transformer: str, number: int) -> tuple[int, int]:
        """Nodes between which a control measures at another bus."""
        element = self._element(name)
        place = str(element.BusNames[0]).split(".")[0].lower()
        nodes = [int(node) for node in element.NodeOrder]
        windings = self._windings(transformer)
        windings.Wdg = number
        delta = bool(windings.IsDelta)
        ends = nodes if delta else nodes[:1]
        found = [GROUND if n == 0 else self.row[f"{place}.{n}"] for n in ends]
        bus = self._property(name, "bus")
        # OpenDSS makes a bus that is none of the circuit's.
        if abs(self.voltage[found[0]]) < DEAD_V:
            fix = "Name a bus and a phase that something is connected to."
            raise self._fault("measure at a bus that is fed", bus, name, fix)
        if delta and self._turning(transformer) < 0:
            self._leave_out(name, f"bus={bus} beside a delta winding that lags")
        return found[0], (GROUND, *found[1:])[-1]

    def _banks(self) -> tuple[tuple[Capacitor, ...], tuple[bool, ...]]:
        """Banks with their controls, and whether they are connected."""
        of_bank: dict[str, list[str]] = {}
        for name in self._named("capcontrol"):
            bank = self._property(name, "capacitor").split(".", 1)[-1].lower()
            of_bank.setdefault(f"capacitor.{bank}", []).append(name)
        made = [self._bank(name, of_bank.get(name, [])) for name in self._named("capacitor")]
        return tuple(bank for bank, _ in made), tuple(on for _, on in made)

    def _bank(self, name: str, controls: list[str]) -> tuple[Capacitor, bool]:
        short = name.split(".", 1)[1]
        on = is_connected(self.circuit, short)
        states = [int(state) for state in self.circuit.Capacitors.States]
        closed = not _all_open(self._element(name))
        if not on:  # its admittance shows only while it is connected
            switch(self.circuit, short, True)
            self.engine.YMatrix.BuildYMatrixD(REBUILD, False)
        element = self._element(name)
        where, admittance = self._conductors(element), self._primitive(element)
        if not on:
            _set_steps(self.circuit, short, states, closed)
        if len(states) > 1:
            for control in controls:
                self._leave_out(control, f"numsteps={len(states)} of {name}")
        made = tuple(c for control in controls for c in self._bank_control(control, short))
        return Capacitor(short, where, admittance, made), on

    def _bank_control(self, name: str, bank: str) -> list[CapacitorControl]:
        """The control of a bank; none where it does what is not modelled."""
        told = self._property(name, "type")
        kind = KINDS.get(told.lower())
        if kind is None:
            self._leave_out(name, f"type={told}")
            return []
        self.circuit.Capacitors.Name = bank
        kvar, delta = float(self.circuit.Capacitors.kvar), bool(self.circuit.Capacitors.IsDelta)
        phases = self._element(f"capacitor.{bank}").NumPhases
        place = self._property(name, "element").lower()
        override = self._yes(name, "voltoverride") and kind != "voltage" and bool(place)
        nothing = ControlReading(self._between([], []), "one")
        monitored = _ControlledElement(
            name, place, int(self._property(name, "terminal")), phases, delta
        )
        on, off = self._number(name, "onsetting"), self._number(name, "offsetting")
        if kind == "pf":
            on, off = _factor(on, PF_DEFAULTS[0]), _factor(off, PF_DEFAULTS[1])
        voltage = self._bank_voltages(monitored, "") if kind == "voltage" else nothing
        if override:
            voltage = replace(voltage, choice=self._choice(name, "ptphase"))
        control = CapacitorControl(
            name=name.split(".", 1)[1],
            kind=kind,
            voltage=voltage,
            current=self._bank_currents(monitored) if kind == "current" else nothing,
            power=self._bank_powers(monitored) if kind in ("kvar", "pf") else self._no_power(),
            on=on,
            off=off,
            pt_ratio=self._number(name, "ptratio"),
            ct_ratio=self._number(name, "ctratio"),
            least_kvar=kvar * self._number(name, "pctminkvar") / 100.0,
            override=self._override(monitored) if override else None,
            override_v=(self._number(name, "vmin"), self._number(name, "vmax")),
            delay_s=self._number(name, "delay"),
            delay_off_s=self._number(name, "delayoff"),
            dead_s=self._number(name, "deadtime"),
        )
        return [control]

    def _choice(self, name: str, key: str) -> str:
        return PHASE_CHOICES.get(self._property(name, key).lower(), "one")

    def _override(self, at: "_ControlledElement") -> ControlReading:
        """Voltages of a bank's override: of another bus where there is one of that name."""
        bus = self._property(at.name, "vbus").lower()
        return self._bank_voltages(at, bus if bus in self.bus_row else "")

    def _bank_voltages(self, at: "_ControlledElement", bus: str) -> ControlReading:
        """Voltages that a bank's control looks at: of its place, or of another bus."""
        choice = self._choice(at.name, "ptphase")
        element = self._element(at.place)
        phases, per = element.NumPhases, element.NumConductors
        where = self._conductors(element)[(at.terminal - 1) * per :][:per]
        if bus:
            named = (row for node, row in self.row.items() if node.rsplit(".", 1)[0] == bus)
            where = np.array([*sorted(named), *[GROUND] * at.phases], np.int64)[: at.phases]
            if len(where) < phases and choice != "one":
                self._leave_out(at.name, f"ptphase={choice} of vbus={bus}")
        if choice != "one":
            return ControlReading(self._between(where[:phases].tolist(), [GROUND] * phases), choice)
        first = int(self._property(at.name, "ptphase")) - 1
        second = (first + 1) % at.phases
        if max(first, second if at.delta else 0) >= len(where):
            self._leave_out(at.name, "ptphase: its place has no such phase")
            return ControlReading(self._between([], []), choice)
        other = int(where[second]) if at.delta else GROUND
        return ControlReading(self._between([int(where[first])], [other]), choice)

    def _between(self, nodes: Sequence[int], others: Sequence[int]) -> sparse.csr_array:
        """Maps of the voltages between pairs of nodes."""
        rows = np.zeros((len(nodes), len(self.row)), dtype=np.complex128)
        for sign, ends in ((1.0, nodes), (-1.0, others)):
            for k, node in enumerate(ends):
                if node != GROUND:
                    rows[k, node] += sign
        return sparse.csr_array(rows)

    def _bank_currents(self, at: "_ControlledElement") -> ControlReading:
        """Currents that a bank's control looks at.

        OpenDSS takes the one of a single phase from the first terminal, whatever the terminal.
        """
        choice, phase = self._choice(at.name, "ctphase"), self._property(at.name, "ctphase")
        per = self._element(at.place).NumConductors
        first = (at.terminal - 1) * per
        which = np.arange(first, first + at.phases)
        if choice == "one":
            which = np.array([int(phase) - 1])
        return ControlReading(self._flows(at, which).per_volt, choice)

    def _bank_powers(self, at: "_ControlledElement") -> Currents:
        """Conductors whose power a bank's control looks at: all of its terminal."""
        per = self._element(at.place).NumConductors
        which = np.arange(per) + (at.terminal - 1) * per
        where = self._conductors(self._element(at.place))[which]
        return self._flows(at, which[where != GROUND])

    def _flows(self, at: "_ControlledElement", which: Int[Array, " some"]) -> Currents:
        """Currents into some conductors of an element, by the node voltages."""
        element = self._element(at.place)
        if at.place.split(".")[0] not in LINEAR or at.place in self.moving:
            self._leave_out(at.name, f"element={at.place}: a flow that is not watched")
            return self._no_power()
        where, admittance = self._conductors(element), self._primitive(element)
        if which.max(initial=0) >= len(where):
            self._leave_out(at.name, "ctphase: its place has no such phase")
            return self._no_power()
        rows = np.zeros((len(which), len(self.row)), dtype=np.complex128)
        for conductor in np.flatnonzero(where != GROUND):
            rows[:, where[conductor]] += admittance[which, conductor]
        return Currents(np.zeros(len(which), np.int64), where[which], sparse.csr_array(rows))

    def _no_power(self) -> Currents:
        none = np.zeros(0, dtype=np.int64)
        return Currents(none, none, self._between([], []))


@dataclass(frozen=True)
class _ControlledElement:
    """Where a bank's control measures: element and terminal; and phases of the bank, if a delta."""

    name: str
    place: str
    terminal: int
    phases: int
    delta: bool


def _factor(setting: float, default: float) -> float:
    """A power factor as OpenDSS counts it: from 1 to 2 where it leads."""
    if not -1.0 <= setting <= 1.0:
        return default
    return 2.0 + setting if setting < 0 else setting


def is_connected(circuit: Any, bank: str) -> bool:
    """Whether a bank is connected: some step of it is in, and its terminal is closed."""
    circuit.Capacitors.Name = bank
    some = bool(any(circuit.Capacitors.States))
    circuit.SetActiveElement(f"capacitor.{bank}")
    return some and not _all_open(circuit.ActiveCktElement)


def switch(circuit: Any, bank: str, on: bool) -> None:
    """Connect all steps of a bank, or disconnect it."""
    circuit.Capacitors.Name = bank
    _set_steps(circuit, bank, [int(on)] * circuit.Capacitors.NumSteps, on)


def _set_steps(circuit: Any, bank: str, states: list[int], closed: bool) -> None:
    circuit.Capacitors.Name = bank
    circuit.Capacitors.States = states
    circuit.SetActiveElement(f"capacitor.{bank}")
    element = circuit.ActiveCktElement
    (element.Close if closed else element.Open)(1, 0)


def _all_open(element: Any) -> bool:
    """Whether all phases of an element's first terminal are open."""
    return all(element.IsOpen(1, k) for k in range(1, element.NumPhases + 1))

"""``python -m tests.grid.circuits FIRST STOP``: random circuits, solved by us and by OpenDSS.

Each seed makes a small circuit of what OpenDSS files hold: transformers of several kinds, lines of
one to four conductors, loads of every model and connection, sources of power, banks, reactors,
switches open by phase, regulators and banks with and without controls, and the modes and settings
that a file may end in. The outcome is how far our base case is from OpenDSS' own.
"""

import argparse
import math
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from evergrid.core.errors import InputError
from evergrid.grid.feeder import opendss
from evergrid.grid.flow import base_case

EXACT_PU, CLOSE_PU = 1e-8, 1e-6
EXTRAS = ("generator", "pvsystem", "storage", "capacitor", "reactor", "fault", "isource")
MODES = ("daily", "yearly", "duty", "harmonic", "snapshot", "loadduration1", "direct", "dynamic")
REGULATORS = {  # connections of the windings of one, by whether its bus has a way to ground
    True: ("wye wye", "wye wye", "delta wye", "wye delta", "wye wye wye", "wye wye delta"),
    False: ("delta wye", "delta delta", "delta wye wye"),
}
UNSOLVED = ("converge in OpenDSS", "be a feeder that OpenDSS accepts")
NOT_MODELLED = (  # notes that allow a difference
    "connected to ground where nothing ties",
    "voltages to ground mean little there",
    "Both are solutions",
)


@dataclass(frozen=True)
class Bus:
    """A bus of a circuit: its phases, its neutral where it has one, and its voltage."""

    name: str
    phases: tuple[int, ...]
    neutral: int | None
    kv: float
    """Between phase and neutral."""
    grounded: bool = True
    """Whether its phases have a way to ground."""
    turned: bool = False
    """Whether its two phases stand opposite one another, as behind a centre tap."""

    def at(self, *nodes: int | None) -> str:
        """The bus with some of its nodes."""
        return ".".join([self.name, *(str(node) for node in nodes if node is not None)])

    @property
    def nodes(self) -> tuple[int, ...]:
        """All its conductors."""
        return self.phases if self.neutral is None else (*self.phases, self.neutral)

    @property
    def between_kv(self) -> float:
        """Between two phases."""
        return self.kv * (2.0 if self.turned else 3**0.5)


class Maker:
    """Writes one circuit."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.lines: list[str] = []
        self.buses: list[Bus] = []
        self.count = 0

    def text(self) -> str:
        """The whole file."""
        r = self.random
        high = Bus("source", (1, 2, 3), None, 11 / 3**0.5)
        self.add("Clear", "Set DefaultBaseFrequency=50")
        self.add(
            f"New Circuit.made bus1=source basekv=11 pu={r.uniform(0.9, 1.07):.4f} phases=3 "
            f"angle={r.choice((0, 30, -17))} MVAsc3={r.uniform(50, 400):.1f} "
            f"MVAsc1={r.uniform(40, 300):.1f}"
        )
        field = self.line(high, Bus(self.name("m"), high.phases, None, high.kv), km=(0.1, 3))
        for _ in range(r.randint(1, 3)):
            self.station(field)
        for _ in range(r.randint(1, 6)):
            self.branch_off()
        places = [bus for bus in self.buses if bus.grounded or len(bus.phases) > 1]
        self.load(Bus("source", (1, 2, 3), None, 11 / 3**0.5))
        for _ in range(r.randint(3, 12) if places else 0):
            self.load(r.choice(places))
        for _ in range(r.randint(0, 4) if places else 0):
            self.extra(r.choice(places))
        for _ in range(r.randint(0, 2) if places else 0):
            self.regulated(r.choice(self.buses))
        for _ in range(r.randint(0, 2) if places else 0):
            self.bank(r.choice(places))
        if r.random() < 0.1:
            self.switch_open()
        self.add("Set VoltageBases=(11 0.4 0.416 0.48 0.433)", "CalcVoltageBases")
        self.settings()
        return "\n".join(self.lines) + "\n"

    def add(self, *lines: str) -> None:
        """Write lines."""
        self.lines += lines

    def name(self, kind: str) -> str:
        """A name that nothing else has."""
        self.count += 1
        return f"{kind}{self.count}"

    def station(self, high: Bus) -> None:
        """A transformer and the bus behind it."""
        r, name = self.random, self.name("lv")
        kva, xhl, loss = r.choice((100, 160, 250)), r.uniform(2, 6), r.uniform(0.3, 1.2)
        kind = r.choice(("dyn", "dyn", "dyn4", "yy", "yd", "dd", "one", "centre", "three"))
        tap = r.choice((1.0, 1.0, 1.025, 0.975))
        both = f"xhl={xhl:.3f} %r={loss:.3f} wdg=2 tap={tap}"
        start = f"New Transformer.{name}"
        if kind == "one":
            phase = r.choice(high.phases)
            self.add(
                f"{start} phases=1 windings=2 buses=({high.at(phase)} {name}.1) "
                f"kvs=({high.kv:.6f} 0.231) kvas=({kva} {kva}) {both}"
            )
            self.buses.append(Bus(name, (1,), None, 0.231))
            return
        if kind == "centre":
            phase = r.choice(high.phases)
            self.add(
                f"{start} phases=1 windings=3 buses=({high.at(phase)} {name}.1.0 {name}.0.2) "
                f"kvs=({high.kv:.6f} 0.24 0.24) kvas=({kva} {kva} {kva}) xhl=2.1 xht=2.1 xlt=1.4 "
                f"%rs=(0.6 1.2 1.2)"
            )
            self.buses.append(Bus(name, (1, 2), None, 0.24, turned=True))
            return
        if kind == "three":
            other = self.name("lv")
            self.add(
                f"{start} phases=3 windings=3 buses=({high.name} {name} {other}) "
                f"conns=({r.choice(('delta', 'wye'))} wye {r.choice(('wye', 'delta'))}) "
                f"kvs=(11 0.4 0.48) kvas=({kva} {kva} {kva / 2}) xhl={xhl:.3f} xht=5 xlt=3"
            )
            self.buses.append(Bus(name, (1, 2, 3), None, 0.4 / 3**0.5))
            behind = self.lines[-1].split("conns=(")[1].split(")")[0].split()[2] == "wye"
            self.buses.append(Bus(other, (1, 2, 3), None, 0.48 / 3**0.5, grounded=behind))
            return
        neutral = 4 if kind == "dyn4" else None
        conns = {"yy": "wye wye", "yd": "wye delta", "dd": "delta delta"}.get(kind, "delta wye")
        kv = 0.48 if kind in ("yd", "dd") else 0.4
        bus = Bus(name, (1, 2, 3), neutral, kv / 3**0.5, grounded=kind not in ("yd", "dd"))
        at = bus.at(*bus.nodes) if neutral else name
        self.add(
            f"{start} phases=3 windings=2 buses=({high.name} {at}) conns=({conns}) "
            f"kvs=(11 {kv}) kvas=({kva} {kva}) {both}"
        )
        if neutral:
            ohm = r.choice((0.01, 0.5, 5.0))
            self.add(f"New Reactor.{name} bus1={bus.at(neutral)} phases=1 r={ohm} x=0.0001")
        self.buses.append(bus)

    def line(self, begin: Bus, end: Bus, km: tuple[float, float]) -> Bus:
        """A line between two buses with as many conductors as the second has."""
        r, nodes = self.random, end.nodes
        count = len(nodes)
        own_r, own_x = r.uniform(0.1, 0.5), r.uniform(0.05, 0.4)
        mutual_r, mutual_x = own_r * r.uniform(0, 0.4), own_x * r.uniform(0, 0.6)
        charge = r.choice((0.0, 10.0, 250.0))
        if count == 3 and r.random() < 0.4:
            wires = (
                f"r1={own_r:.4f} x1={own_x:.4f} r0={own_r * 3:.4f} x0={own_x * 3:.4f} "
                f"c1={charge} c0={charge / 2}"
            )
        else:
            triangles = [
                "|".join(" ".join([str(off)] * row + [str(own)]) for row in range(count))
                for own, off in ((own_r, mutual_r), (own_x, mutual_x), (charge, -charge / 8))
            ]
            wires = "rmatrix=({}) xmatrix=({}) cmatrix=({})".format(*triangles)
        self.add(
            f"New Line.{self.name('l')} phases={count} bus1={begin.at(*nodes)} "
            f"bus2={end.at(*nodes)} {wires} length={r.uniform(*km):.4f} units=km"
        )
        self.buses.append(end) if end.kv < 1 else None
        return end

    def branch_off(self) -> None:
        """A further line from a bus of the low voltage, with all or some of its phases."""
        r, begin = self.random, self.random.choice(self.buses)
        phases = begin.phases
        if len(phases) == 3 and r.random() < 0.4:
            phases = tuple(sorted(r.sample(phases, r.randint(1, 2))))
        end = Bus(self.name("b"), phases, begin.neutral, begin.kv, begin.grounded, begin.turned)
        self.line(begin, end, km=(0.02, 0.25))

    def connection(self, bus: Bus) -> tuple[str, float]:
        """Where an element is connected to a bus and how, and its share of a three-phase one."""
        r = self.random
        back = bus.neutral if bus.neutral is not None and r.random() < 0.85 else None
        ways = ["one"] if bus.grounded else []
        ways += ["pair"] if len(bus.phases) > 1 else []
        ways += ["delta"] if len(bus.phases) == 3 else []
        ways += ["wye"] if len(bus.phases) == 3 and (bus.grounded or r.random() < 0.1) else []
        way = r.choice(ways)
        if way == "one":
            at = bus.at(r.choice(bus.phases), back)
            return f"bus1={at} phases=1 conn=wye kv={bus.kv:.6f}", 1 / 3
        if way == "pair":
            first, second = r.sample(bus.phases, 2)
            conn = r.choice(("wye", "delta"))
            at = bus.at(first, second)
            return f"bus1={at} phases=1 conn={conn} kv={bus.between_kv:.6f}", 1 / 3
        at = bus.at(*bus.phases, back) if way == "wye" else bus.at(*bus.phases)
        return f"bus1={at} phases=3 conn={way} kv={bus.kv * 3**0.5:.6f}", 1.0

    def load(self, bus: Bus) -> None:
        """A load of any model."""
        r = self.random
        where, share = self.connection(bus)
        model = r.choice((1, 1, 2, 3, 4, 5, 6, 7, 8))
        text = f"New Load.{self.name('d')} {where} model={model} kw={share * r.uniform(1, 18):.3f}"
        text += r.choice((f" pf={r.uniform(0.85, 1):.3f}", f" kvar={share * r.uniform(-2, 6):.3f}"))
        if model == 4:
            text += f" cvrwatts={r.uniform(0, 2.5):.2f} cvrvars={r.choice((2, 3, 1.4))}"
        if model == 8:
            shares = [r.uniform(0, 0.6), r.uniform(0, 0.4), r.uniform(0, 0.6), r.uniform(0, 0.4)]
            a, b, c, d = (round(value, 3) for value in shares)
            off = r.choice((0, 0, 0.5))
            text += f" zipv=({a} {b} {1 - a - b:.3f} {c} {d} {1 - c - d:.3f} {off})"
        if r.random() < 0.4:
            text += f" vminpu={r.choice((0.85, 0.93, 0.97))} vmaxpu={r.choice((1.03, 1.1, 1.2))}"
        if r.random() < 0.1:
            text += f" vlowpu={r.choice((0.3, 0.6))}"
        if r.random() < 0.2:
            text += f" status={r.choice(('fixed', 'exempt'))}"
        self.add(text)

    def extra(self, bus: Bus) -> None:
        """What else is connected."""
        r = self.random
        where, share = self.connection(bus)
        kw = share * r.uniform(1, 15)
        rated = f"kva={kw * 1.2:.2f}"
        kind = r.choice(EXTRAS)
        name = self.name("e")
        bare = where.replace(" conn=wye", "").replace(" conn=delta", "")
        bare = bare[: bare.index(" kv=")]
        nodes = bare.split()[0].split(".")[1:]
        model, pf, ohm = r.choice((1, 2, 7)), r.uniform(0.8, 1), r.uniform(2, 50)
        amps, one = r.uniform(1, 20), f"bus1={bus.at(bus.phases[0])} phases=1"
        texts = {
            "generator": f"{where} kw={kw:.2f} pf={pf:.3f} model={model}",
            "pvsystem": f"{where} {rated} pmpp={kw:.2f} irradiance={r.uniform(0, 1):.2f} pf=0.97",
            "storage": f"{where} {rated} kwrated={kw:.2f} kwhrated=50 kwhstored=25 "
            f"state={r.choice(('idling', 'charging', 'discharging'))}",
            "capacitor": f"{where} kvar={kw:.2f}",
            "reactor": f"{where} kvar={kw / 4:.2f}",
            "fault": f"{one} r={ohm:.2f}",
            "isource": f"{one} amps={amps:.2f} angle=170",
        }
        two = kind in ("capacitor", "reactor") and "phases=1" in where and len(nodes) == 2
        if two:  # both ends of one phase are named as two buses
            kv = where[where.index(" kv=") :]
            ends = f"bus1={bus.at(int(nodes[0]))} bus2={bus.at(int(nodes[1]))} phases=1{kv}"
            texts[kind] = f"{ends} kvar={kw / (1 if kind == 'capacitor' else 4):.2f}"
        if kind in ("capacitor", "reactor") and len(nodes) == 4:
            texts[kind] = texts[kind].replace(f".{nodes[3]} ", " ", 1)
        if kind in ("fault", "isource") and not bus.grounded:
            return
        self.add(f"New {kind}.{name} {texts[kind]}")

    def axis(self) -> str:
        """Taps of a winding: where they end, how many, and where it stands."""
        r = self.random
        low, high = r.choice(((0.9, 1.1), (0.95, 1.1), (0.875, 1.05), (1.0, 1.1), (0.85, 0.99)))
        taps = r.choice((16, 20, 24, 32, 33))
        tap = r.choice((low + (high - low) * r.randint(0, taps) / taps, r.uniform(low, high)))
        return f"mintap={low} maxtap={high} numtaps={taps} tap={tap:.6f}"

    def regulated(self, begin: Bus) -> None:
        """A regulator behind a bus, its taps off 1, with a control or without, and a load there."""
        r, name = self.random, self.name("r")
        three = len(begin.phases) == 3
        conns = r.choice(REGULATORS[begin.grounded]) if three else "wye"
        if not three and not begin.grounded:
            return
        winding = r.choice((1, 2))
        kvs = [begin.kv * (3**0.5 if three else 1.0)] * max(len(conns.split()), 2)
        phases, buses, fed = 3, [begin.name, name], begin.phases
        if not three:
            phase = r.choice(begin.phases)
            phases, fed = 1, (phase,)
            buses, conns = [begin.at(phase), f"{name}.{phase}"], "wye wye"
        more, reactances = "", f"xhl={r.uniform(0.5, 3):.3f}"
        if len(kvs) == 3:
            third = self.name("t")
            buses.append(third)
            reactances += f" xht={r.uniform(3, 5):.3f} xlt={r.uniform(2, 3):.3f}"
            more = third
        kvas = " ".join([str(r.choice((80, 150)))] * len(kvs))
        self.add(
            f"New Transformer.{name} phases={phases} windings={len(kvs)} buses=({' '.join(buses)}) "
            f"conns=({conns}) kvs=({' '.join(f'{kv:.6f}' for kv in kvs)}) kvas=({kvas}) "
            f"{reactances} wdg={winding} {self.axis()}"
        )
        ways = conns.split()
        end = Bus(name, fed, None, begin.kv, ways[1] == "wye")
        ends = [end] + ([Bus(more, begin.phases, None, begin.kv, ways[2] == "wye")] if more else [])
        for each in ends:
            self.buses.append(each)
            self.load(each)
        if r.random() < 0.6:
            ratio = end.kv * 1000 / 120
            self.add(
                f"New RegControl.{name} transformer={name} winding=2 tapwinding={winding} "
                f"ptratio={ratio if ways[1] == 'wye' else ratio * 3**0.5:.4f} "
                f"vreg={r.uniform(117, 123):.2f} band={r.choice((2, 3, 6))} "
                + r.choice(("", "", "ctprim=100 r=2 x=1 ", "reversible=yes revvreg=119 "))
                + r.choice(("", "", "maxtapchange=1 ", "vlimit=122 "))
                + r.choice(("", "", "enabled=no"))
            )

    def bank(self, bus: Bus) -> None:
        """Capacitors of one step or several, with a control or without."""
        r, name = self.random, self.name("c")
        if len(bus.phases) != 3:
            return
        conn = r.choice(("wye", "delta")) if bus.grounded else "delta"
        steps = r.choice((1, 1, 1, 2, 3))
        states = " ".join(str(r.choice((0, 1, 1))) for _ in range(steps))
        sizes = " ".join(f"{r.uniform(2, 10):.2f}" for _ in range(steps))
        series = r.choice(("", "", "", f" xl=({' '.join(['0.05'] * steps)})"))
        self.add(
            f"New Capacitor.{name} bus1={bus.at(*bus.phases)} phases=3 conn={conn} "
            f"kv={bus.kv * 3**0.5:.6f} numsteps={steps} kvar=({sizes}) states=({states}){series}"
        )
        lines = [line.split()[1] for line in self.lines if line.startswith("New Line.")]
        if r.random() < 0.5:
            kind = r.choice(
                (
                    "type=voltage onsetting=117 offsetting=124",
                    "type=current onsetting=30 offsetting=10",
                    "type=kvar onsetting=6 offsetting=-6",
                )
            )
            self.add(
                f"New CapControl.{name} element={r.choice(lines)} terminal=1 capacitor={name} "
                f"{kind} ptratio={bus.kv * 1000 / 120:.4f} ctratio=1"
            )

    def switch_open(self) -> None:
        """A line opened, in one phase or in all of its last part."""
        lines = [line.split()[1] for line in self.lines if line.startswith("New Line.")]
        if len(lines) > 1:
            self.add(f"Solve\nOpen {self.random.choice(lines[1:])} {self.random.choice((1, 2))} 1")

    def settings(self) -> None:
        """What a file may leave set."""
        r = self.random
        choices = (
            f"Set LoadMult={r.uniform(0.2, 1.3):.3f}",
            "Set LoadModel=Admittance",
            f"Set year={r.randint(1, 5)}\nSet %growth={r.uniform(-2, 4):.2f}",
            f"Set genmult={r.uniform(0.3, 1.1):.2f}",
        )
        if r.random() < 0.5:
            self.add(r.choice(choices))
        if r.random() < 0.3:
            self.add(f"Set mode={r.choice(MODES)}")
        if r.random() < 0.3:
            self.add(f"Set controlmode={r.choice(('off', 'static', 'event', 'time'))}")
        if r.random() < 0.2:
            self.add("Solve")


@dataclass(frozen=True)
class Outcome:
    """What came of a circuit: how near, and why not."""

    kind: str
    worst_pu: float
    said: str


def outcome(seed: int, folder: Path) -> Outcome:
    """Our base case of a circuit against that of OpenDSS."""
    path = folder / f"made{seed}.dss"
    path.write_text(Maker(seed).text(), encoding="utf-8")
    try:
        feeder = base_case.compared(opendss.read(path))
    except InputError as refused:
        said = str(refused)
        unsolved = any(rule in said for rule in UNSOLVED)
        return Outcome("unsolved by OpenDSS" if unsolved else "refused", 0.0, said)
    case = feeder.base_case
    assert case is not None
    said = " ".join([*feeder.notes, *base_case.note(feeder)])
    if not math.isfinite(case.worst_pu):
        return Outcome("refused", case.worst_pu, f"does not settle: {said}")
    if case.worst_pu <= EXACT_PU:
        return Outcome("within 1e-8", case.worst_pu, said)
    if case.worst_pu <= CLOSE_PU:
        return Outcome("within 1e-6", case.worst_pu, said)
    named = any(text in said for text in NOT_MODELLED)
    return Outcome("named" if named else "wrong", case.worst_pu, f"at {case.node}: {said}")


def outcomes(first: int, stop: int) -> Iterator[tuple[int, Outcome]]:
    """Outcomes of seeds, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, stop):
            yield seed, outcome(seed, Path(folder))


def main() -> int:
    """A line for each circuit that is not within 1e-6, then counts."""
    parser = argparse.ArgumentParser(prog="python -m tests.grid.circuits", description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("stop", type=int)
    asked = parser.parse_args()
    counts: Counter[str] = Counter()
    for seed, found in outcomes(asked.first, asked.stop):
        counts[found.kind] += 1
        if not found.kind.startswith("within"):
            sys.stdout.write(f"{seed}: {found.kind} {found.worst_pu:.2g} {found.said}\n")
    for kind, count in counts.most_common():
        sys.stdout.write(f"{count:6} {kind}\n")
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())

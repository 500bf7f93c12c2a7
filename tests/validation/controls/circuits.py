"""Small circuits with controls drawn at random, as OpenDSS files, and the day they go through."""

from dataclasses import dataclass

import numpy as np

STEPS = 240
STEP_S = 60.0

HEAD = """Clear
Set DefaultBaseFrequency=50
New Circuit.street bus1=source basekv=11 pu={pu:.4f} phases=3 MVAsc3={mva:.0f} MVAsc1={mva:.0f}
New Transformer.station phases=3 windings=2 buses=(source a) conns=(delta wye)
~ kvs=(11 0.4) kvas=(250 250) xhl=4 %r=0.5
New LineCode.cable nphases=3 r1=0.32 x1=0.07 r0=1.2 x0=0.3 c1=0 c0=0 units=km
~ normamps=200 emergamps=220
New Loadshape.signal npts=24 interval=1 mult=[0 0 1 1 0 0 1 1 0 0 1 1 0 0 1 1 0 0 1 1 0 0 1 1]
New Line.first bus1=a bus2=b linecode=cable length={first:.3f} units=km
New Line.second bus1=b bus2=c linecode=cable length=0.1 units=km
New Line.feed bus1=d bus2=e linecode=cable length={feed:.3f} units=km
"""
TAIL = """Set VoltageBases=(11 0.4)
CalcVoltageBases
"""


STREET = """
New Transformer.vr phases=3 windings=2 buses=(b d) conns=(wye wye) kvs=(0.4 0.4) kvas=(80 80) xhl=1
New Load.near bus1=b.2 phases=1 kv=0.23 kw=3 pf=0.95
New Load.f1 bus1=e.1 phases=1 kv=0.23 kw=9 pf=0.95
New Load.f2 bus1=e.2 phases=1 kv=0.23 kw=4 pf=0.95
New Load.f3 bus1=e.3 phases=1 kv=0.23 kw=2 pf=0.95
New Capacitor.bank bus1=e kv=0.4 kvar=10
"""
REGULATOR = "New RegControl.vr transformer=vr winding=2 vreg=120 band=2 ptratio=1.925 delay=60"
BANK = "New CapControl.c capacitor=bank element=line.feed ptratio=1.925 ctratio=1 delay=60"


@dataclass(frozen=True)
class Case:
    """A circuit and its day.

    Attributes:
        text: The file.
        share: Share of its loads that is on in each step.
        vehicle_kw: Power into the grid of a vehicle at each branch in each step.
    """

    text: str
    share: np.ndarray
    vehicle_kw: np.ndarray


def street(*controls: str, transformer: str = "", vehicle_kw: float = 0.0) -> Case:
    """One street with controls as given, and a day of two waves."""
    text = HEAD.format(pu=1.0, mva=100, first=0.2, feed=0.3)
    more = [f"Transformer.vr.{edit}" for edit in transformer.split(";") if edit]
    turn = 2 * np.pi * np.arange(STEPS) / STEPS
    lines = "\n".join([*more, *controls]) + "\n"
    share, wave = 0.8 + 0.6 * np.sin(2 * turn), vehicle_kw * np.sin(3 * turn)
    return Case(text + STREET + TAIL + lines, share, wave)


def drawn(seed: int) -> Case:
    """A circuit with one to four controls, and its day."""
    draw = np.random.default_rng(seed)
    text = HEAD.format(
        pu=draw.uniform(0.97, 1.05),
        mva=draw.choice([20, 100, 400]),
        first=draw.uniform(0.05, 0.4),
        feed=draw.uniform(0.1, 0.5),
    )
    between, names, winding = _between(draw)
    has_bank = _yes(draw, 0.6)
    behind_delta = any("(wye delta)" in line for line in between)
    lines = [*between, *_loads(draw, behind_delta)]
    if has_bank:
        lines.append(_bank(draw))
    controls = []
    if not has_bank or _yes(draw, 0.7):
        controls += [_regulator(draw, name, k, winding) for k, name in enumerate(names)]
        if behind_delta:  # whose voltage is that between phases
            controls = [line.replace("ptratio=1.925", "ptratio=3.333") for line in controls]
        if _yes(draw, 0.12):  # a second control of the same taps
            controls.append(_regulator(draw, names[0], 8, winding, widest=True))
    else:
        controls += [_bank_control(draw, k) for k in range(2 if _yes(draw, 0.4) else 1)]
    if has_bank and _yes(draw, 0.5):
        controls.append(_bank_control(draw, 9))
    parts = (text, "\n".join(lines) + "\n", TAIL, "\n".join(controls) + "\n")
    return Case("".join(parts), *_day(draw))


def _day(draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    turn = 2 * np.pi * np.arange(STEPS) / STEPS
    share = 0.8 + 0.6 * np.sin(draw.integers(1, 6) * turn + draw.uniform(0, 6))
    share += draw.choice([0.0, 0.1, 0.25]) * draw.standard_normal(STEPS)
    size = draw.choice([0.0, 0.0, 8.0, 20.0])
    wave = size * np.sin(draw.integers(1, 8) * turn)
    return np.clip(share, 0.0, 1.8), wave


def _between(draw: np.random.Generator) -> tuple[list[str], list[str], int]:
    """Transformers between the buses b and d, their names, and the winding that is controlled."""
    low, high, taps = [(0.9, 1.1, 32), (0.95, 1.1, 24), (0.9, 1.1, 16), (0.875, 1.05, 20)][
        draw.integers(4)
    ]
    taps += _yes(draw, 0.1)  # an odd number: the nominal ratio lies between two taps
    tap = f" tap={draw.uniform(0.96, 1.04):.5f}" if _yes(draw, 0.3) else ""
    winding = 1 if _yes(draw, 0.15) else 2
    axis = f"wdg={winding} mintap={low} maxtap={high} numtaps={taps}{tap}"
    sizes = f"xhl={draw.uniform(0.5, 3):.2f} {axis}"
    kind = draw.random()
    if kind < 0.15:  # one regulator in each phase
        made = [
            f"New Transformer.vr{p} phases=1 windings=2 buses=(b.{p} d.{p}) kvs=(0.231 0.231)"
            f" kvas=(30 30) {sizes}"
            for p in (1, 2, 3)
        ]
        return made, ["vr1", "vr2", "vr3"], winding
    if kind < 0.25:  # open delta: phase 2 passes by
        made = [
            f"New Transformer.vr{p} phases=1 windings=2 buses=(b.{p}.2 d.{p}.2) kvs=(0.4 0.4)"
            f" kvas=(30 30) {sizes}"
            for p in (1, 3)
        ]
        by = "New Line.by bus1=b.2 bus2=d.2 phases=1 r1=0.001 x1=0.001 r0=0.001 x0=0.001 c1=0 c0=0"
        return [*made, by], ["vr1", "vr3"], winding
    conns = "(delta wye)" if kind < 0.4 else "(wye delta)" if kind < 0.45 else "(wye wye)"
    rated = draw.choice([0.4, 0.4, 0.415])
    made = (
        f"New Transformer.vr phases=3 windings=2 buses=(b d) conns={conns} kvs=(0.4 {rated})"
        f" kvas=(80 80) {sizes}"
    )
    ground = "New Reactor.ground phases=3 bus1=d kv=0.4 kvar=2" if "(wye delta)" in made else ""
    return [made, ground], ["vr"], winding


def _loads(draw: np.random.Generator, behind_delta: bool) -> list[str]:
    powers = draw.uniform(0.5, 12, 6)
    far = ("e.1.2", "e.2.3", "e.3.1") if behind_delta else ("e.1", "e.2", "e.3")
    places = ("b.1", "b.2", "c.3", *far)
    return [
        f"New Load.l{k} bus1={at} phases=1 kv={0.4 if at.count('.') > 1 else 0.23} kw={kw:.3f}"
        f" pf=0.95 model={model} vminpu=0.5 vmaxpu=1.5"
        for k, (at, kw, model) in enumerate(
            zip(places, powers, draw.choice([1, 1, 2, 5], 6), strict=True)
        )
    ]


def _bank(draw: np.random.Generator) -> str:
    conn = draw.choice(["wye", "wye", "delta"])
    return f"New Capacitor.bank bus1=e kv=0.4 kvar={draw.uniform(3, 14):.2f} conn={conn}" + (
        " states=[0]" if draw.random() < 0.5 else ""
    )


def _yes(draw: np.random.Generator, chance: float) -> bool:
    return bool(draw.random() < chance)


def _regulator(
    draw: np.random.Generator, transformer: str, k: int, tapped: int, *, widest: bool = False
) -> str:
    one = transformer != "vr"  # phase
    phases = {"vr": "1 2 3", "vr1": "1", "vr2": "2", "vr3": "3"}[transformer].split()
    words = [
        f"New RegControl.r{k} transformer={transformer} winding=2 ptratio=1.925",
        f"vreg={draw.uniform(117, 123):.2f} band={12 if widest else draw.choice([1.5, 2, 3, 4])}",
        f"delay={draw.choice([0, 15, 60, 90, 180])} tapdelay={draw.choice([0, 2, 15, 60, 100])}",
    ]
    remote = _yes(draw, 0.15)
    if not one and _yes(draw, 0.3):
        words.append(
            f"ptphase={draw.choice(['max', 'min'] if remote else ['max', 'min', '2', '3'])}"
        )
    if remote:
        words.append(f"bus=e.{draw.choice(phases)}" if _yes(draw, 0.8) else "bus=e")
        if _yes(draw, 0.3):
            words.append("remoteptratio=1.9")
    if _yes(draw, 0.3):
        words.append(f"ctprim={draw.choice([50, 100])}")
        if _yes(draw, 0.5):
            words.append(f"r={draw.uniform(-1, 4):.2f} x={draw.uniform(-1, 2):.2f}")
        else:
            words.append(f"ldc_z={draw.uniform(0.5, 4):.2f} rev_z={draw.uniform(0.0, 2):.2f}")
    if _yes(draw, 0.2):
        words.append(f"vlimit={draw.uniform(119, 124):.2f}")
    if _yes(draw, 0.15):
        words.append(f"maxtapchange={draw.choice([0, 1, 4])}")
    if _yes(draw, 0.2):
        words.append("inversetime=yes")
    if _yes(draw, 0.35):
        words.append(f"{draw.choice(['reversible', 'cogen'])}=yes")
        words.append(f"revvreg={draw.uniform(117, 123):.2f} revband=2 revdelay=")
        words[-1] += f"{draw.choice([0, 60, 300])} revthreshold={draw.choice([0, 2, 10])}"
        if _yes(draw, 0.5):
            words.append(f"revr={draw.uniform(0, 3):.2f} revx={draw.uniform(0, 2):.2f}")
        if _yes(draw, 0.25):
            words.append("revneutral=yes")
    words.append(f"tapwinding={tapped}")
    if _yes(draw, 0.2):
        words.append("eventlog=yes")
    return "\n~ ".join(words)


def _bank_control(draw: np.random.Generator, k: int) -> str:
    kind = draw.choice(["voltage", "current", "kvar", "pf", "time", "follow"], p=[
        0.27, 0.2, 0.2, 0.15, 0.15, 0.03
    ])  # fmt: skip
    place = draw.choice(["line.feed", "line.first", "transformer.station"])
    terminal = 2 if "station" in place else draw.choice([1, 2])
    words = [
        f"New CapControl.c{k} element={place} terminal={terminal} capacitor=bank",
        f"type={kind} ptratio=1.925 ctratio=1",
        f"delay={draw.choice([0, 15, 60, 150])} delayoff={draw.choice([0, 15, 60, 150])}",
        f"deadtime={draw.choice([0, 60, 300, 1200])}",
    ]
    on, off = {
        "voltage": (draw.uniform(114, 119), draw.uniform(119.5, 125)),
        "current": (draw.uniform(20, 50), draw.uniform(5, 20)),
        "kvar": (draw.uniform(2, 10), draw.uniform(-15, 0)),
        "pf": (draw.uniform(0.9, 0.99), draw.uniform(-0.999, -0.9)),
        "time": tuple(draw.uniform(0, 4, 2)),
        "follow": (1.0, 0.0),
    }[str(kind)]
    words.append(f"onsetting={on:.3f} offsetting={off:.3f}")
    if _yes(draw, 0.3):
        words.append(f"ptphase={draw.choice(['avg', 'max', 'min', '2', '3'])}")
    if _yes(draw, 0.3):
        words.append(f"ctphase={draw.choice(['avg', 'max', 'min', '2', '3'])}")
    if _yes(draw, 0.3):
        words.append(f"voltoverride=yes vmin={draw.uniform(113, 117):.2f}")
        words.append(f"vmax={draw.uniform(120, 126):.2f}")
        if _yes(draw, 0.4):
            words.append("vbus=c")
    if kind == "follow":
        words.append("controlsignal=signal")
    if kind == "pf" and _yes(draw, 0.5):
        words.append("pctminkvar=20")
    return "\n~ ".join(words)

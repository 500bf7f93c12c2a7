"""Does V2G spare the slow devices of a feeder or wear them out? The answer as sentences."""

from collections.abc import Mapping
from typing import Any

from evergrid.report.page import Headline

LABELS = {
    "none": "No V2G",
    "unity": "Unity power factor",
    "category_a": "Category A",
    "category_b": "Category B",
    "compensation": "Own R/X compensation",
    "compensation_b": "Compensation and category B",
    "watt_var": "Watt-var",
    "custom": "Custom curve",
}

MANY = 2.0  # times as many, from which a count is not given in per cent

Row = Mapping[str, Any]


def sentences(s: Mapping[str, Any]) -> list[str]:
    """Operations without V2G, with V2G as usual and with the best control, and at what voltage.

    Args:
        s: The summary of a study.
    """
    without, usual, best = _rows(s)
    if not s["regulators"] and not s["banks"]:
        lines = ["The feeder has neither tap changers nor capacitor banks: nothing to wear out"]
        return lines + [f"{LABELS[row['mode']]}: {_voltages(row, s)}" for row in s["modes"][:3]]
    lines: list[str] = []
    if without is not None:
        lines.append(f"Without V2G {_moved(without, None, s)}, {_voltages(without, s)}")
    for words, row in (("V2G as usual", usual), ("V2G with the best control", best)):
        if row is not None:
            lines.append(
                f"{words} ({_within(LABELS[row['mode']])}){_effect(row, without, s)}: "
                f"{_moved(row, without, s)}{_fewer(row, usual)}, {_voltages(row, s)}"
                f"{_worse(row, usual)}"
            )
    missing = [name for name, row in (("none", without), ("unity", usual)) if row is None]
    if missing:
        words = " and ".join(f'"{name}"' for name in missing)
        lines.append(f"To compare with, add {words} to modes")
    return lines


def cards(s: Mapping[str, Any]) -> list[Headline]:
    """The answer as cards: the three that answer first, then every other way of control."""
    without, usual, best = _rows(s)
    made = []
    for label, row in (
        ("Without V2G", without),
        ("V2G as usual (unity power factor)", usual),
        ("Best control", best),
    ):
        if row is not None:
            name = f"{LABELS[row['mode']]}; " if row is best else ""
            hint = f"{name}{_voltages(row, s)}"
            made.append(Headline(label, _taps(row), "taps moved", _banks_too(row, s) + hint))
    shown = [row["mode"] for row in (without, usual, best) if row is not None]
    made += [
        Headline(LABELS[row["mode"]], _taps(row), "taps moved", _voltages(row, s))
        for row in s["modes"]
        if row["mode"] not in shown
    ]
    return made


def voltage_range(row: Row) -> str:
    """Lowest and highest voltage of a way of control."""
    if row["low_pu"] is None or row["high_pu"] is None:
        return "no voltages found"
    return f"{row['low_pu']:.3f} to {row['high_pu']:.3f} pu"


def count(row: Row, number: int) -> str:
    """A number of operations: at least so many where controls stood still in some steps."""
    return f"at least {number:,}" if row["unsettled_steps"] else f"{number:,}"


def _rows(s: Mapping[str, Any]) -> tuple[Row | None, Row | None, Row | None]:
    by_mode = {row["mode"]: row for row in s["modes"]}
    return by_mode.get("none"), by_mode.get("unity"), by_mode.get(s["best_mode"])


def _taps(row: Row) -> str:
    return count(row, row["tap_operations"])


def _within(label: str) -> str:
    """A label within a sentence."""
    return label[:1].lower() + label[1:]


def _kinds(s: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Kinds of devices that the feeder has and that moved at all: key, devices, and what moves."""
    made = [("tap_operations", "tap changers", "taps moved")] if s["regulators"] else []
    if any(row["bank_operations"] for row in s["modes"]) or not made:
        made.append(("bank_operations", "capacitor banks", "banks switched"))
    return made


def _moved(row: Row, without: Row | None, s: Mapping[str, Any]) -> str:
    """Operations of each kind, beside those without V2G."""
    parts = []
    for key, _, moved in _kinds(s):
        beside = "" if without is None else f" ({_beside(row[key], without[key])})"
        parts.append(f"{count(row, row[key])} {moved}{beside}")
    return " and ".join(parts)


def _beside(operations: int, without: int) -> str:
    """A count beside the one without V2G: per cent, or how many times where it is much more."""
    if operations == without:
        return "as many as without V2G"
    if without == 0:
        return "none without V2G"
    ratio = operations / without
    if ratio >= MANY:
        return f"{ratio:.1f} times as many as without V2G"
    return f"{_percent(ratio)} than without V2G"


def _percent(ratio: float) -> str:
    return f"{100 * abs(ratio - 1):.0f} % {'more' if ratio > 1 else 'fewer'}"


def _effect(row: Row, without: Row | None, s: Mapping[str, Any]) -> str:
    """What a way of control does to each kind of device; nothing to compare with says nothing."""
    if without is None:
        return ""
    verbs: dict[str, list[str]] = {}
    for key, devices, _ in _kinds(s):
        more = row[key] - without[key]
        verb = "wears" if more > 0 else "spares" if more < 0 else "neither wears nor spares"
        verbs.setdefault(verb, []).append(devices)
    parts = [f"{verb} {' and '.join(devices)}" for verb, devices in verbs.items()]
    return f" {' and '.join(parts)}"


def _fewer(row: Row, usual: Row | None) -> str:
    """A control against V2G as usual."""
    if usual is None or row is usual or not usual["tap_operations"]:
        return ""
    ratio = row["tap_operations"] / usual["tap_operations"]
    beside = "as many" if ratio == 1 else _percent(ratio)
    return f", {beside} taps {'as' if ratio == 1 else 'than'} as usual"


def _worse(row: Row, usual: Row | None) -> str:
    """Whether a control pays for its operations with voltages beyond the limits."""
    if usual is None or (row["outside_share"] or 0.0) <= (usual["outside_share"] or 0.0):
        return ""
    return ", which is more often than as usual"


def _voltages(row: Row, s: Mapping[str, Any]) -> str:
    """Between which voltages, and how often beyond the limits."""
    if row["low_pu"] is None:
        return "no voltages found"
    low, high = s["limits_pu"]
    within = f"within {low:g} to {high:g} pu"
    share = row["outside_share"] or 0.0
    inside = f"always {within}"
    if share > 0:
        inside = f"beyond {low:g} to {high:g} pu in {max(100 * share, 0.1):.1f} % of steps"
    return f"at {voltage_range(row)} ({inside})"


def _banks_too(row: Row, s: Mapping[str, Any]) -> str:
    """Switchings of banks, where any bank was switched."""
    switched = [key for key, *_ in _kinds(s) if key == "bank_operations"]
    return f"{count(row, row['bank_operations'])} banks switched; " if switched else ""

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

Row = Mapping[str, Any]


def sentences(s: Mapping[str, Any]) -> list[str]:
    """Operations without V2G, with V2G as usual and with the best control, and at what voltage.

    Args:
        s: The summary of a study.
    """
    without, usual, best = _rows(s)
    if not s["regulators"] and not s["banks"]:
        told = ["The feeder has neither tap changers nor capacitor banks: nothing to wear out"]
        return told + [f"{LABELS[row['mode']]}: {_voltages(row, s)}" for row in s["modes"][:3]]
    told: list[str] = []
    if without is not None:
        told.append(f"Without V2G {_counts(without, s)}, {_voltages(without, s)}")
    if usual is not None:
        told.append(
            f"V2G as usual, at unity power factor, {_effect(usual, without, s)}: "
            f"{_counts(usual, s)}, {_voltages(usual, s)}"
        )
    if best is not None:
        told.append(
            f"V2G with the best control, {LABELS[best['mode']]}, {_effect(best, without, s)}: "
            f"{_counts(best, s)}{_less(best, usual)}, {_voltages(best, s)}"
        )
    missing = [name for name, row in (("none", without), ("unity", usual)) if row is None]
    if missing:
        words = " and ".join(f'"{name}"' for name in missing)
        told.append(f"To compare with, add {words} to modes")
    return told


def cards(s: Mapping[str, Any]) -> list[Headline]:
    """The same as cards: the three that answer first, then every other way of control."""
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


def _counts(row: Row, s: Mapping[str, Any]) -> str:
    """Operations of both kinds, those that the feeder has."""
    parts = []
    if s["regulators"]:
        parts.append(f"{_taps(row)} taps are moved")
    if s["banks"]:
        parts.append(f"{count(row, row['bank_operations'])} banks switched")
    return " and ".join(parts)


def _effect(row: Row, without: Row | None, s: Mapping[str, Any]) -> str:
    """What a way of control does to the devices against the feeder without V2G."""
    if without is None:
        return "cannot be judged without the mode none"
    verbs = {
        kind: _verb(row[f"{kind}_operations"], without[f"{kind}_operations"])
        for kind, there in (("tap", s["regulators"]), ("bank", s["banks"]))
        if there
    }
    if len(set(verbs.values())) == 1:
        verb = next(iter(verbs.values()))
        return f"{verb} the {' and '.join(NAMES[kind] for kind in verbs)}"
    return " and ".join(f"{verb} the {NAMES[kind]}" for kind, verb in verbs.items())


NAMES = {"tap": "tap changers", "bank": "capacitor banks"}


def _verb(operations: int, without: int) -> str:
    if operations == without:
        return "neither spares nor wears"
    if operations < without:
        return f"spares ({_percent(operations, without)})"
    return f"wears ({_percent(operations, without)})" if without else "wears (none moved before)"


def _percent(operations: int, of: int) -> str:
    """A count against another one: per cent, or how many times where it is much more."""
    ratio = operations / of
    if ratio >= 2:
        return f"{ratio:.1f} times as many operations"
    return f"{100 * abs(ratio - 1):.0f} % {'more' if ratio > 1 else 'fewer'} operations"


def _less(best: Row, usual: Row | None) -> str:
    """The best control against V2G as usual."""
    if usual is None or not usual["tap_operations"]:
        return ""
    share = best["tap_operations"] / usual["tap_operations"] - 1
    return f" ({100 * abs(share):.0f} % {'more' if share > 0 else 'fewer'} taps than as usual)"


def _voltages(row: Row, s: Mapping[str, Any]) -> str:
    """Between which voltages, and how often beyond the limits."""
    if row["low_pu"] is None:
        return "no voltages found"
    low, high = s["limits_pu"]
    within = f"within {low:g} to {high:g} pu"
    share = row["outside_share"] or 0.0
    inside = f"always {within}" if share == 0 else f"not {within} in {100 * share:.1f} % of steps"
    return f"at {voltage_range(row)} ({inside})"


def _banks_too(row: Row, s: Mapping[str, Any]) -> str:
    return f"{count(row, row['bank_operations'])} banks switched; " if s["banks"] else ""

"""What a study of resilience says in words; every figure in them is computed."""

from typing import Any

from evergrid.model.microgrid import Tier
from evergrid.studies.resilience.missing import Cause

TIER_LABELS: dict[Tier, str] = {
    "life_safety": "life safety",
    "critical": "critical",
    "comfort": "comfort",
}
CAUSE_LABELS: dict[Cause, str] = {
    "no_source": "no source is there",
    "not_forming": "none that can form a grid",
    "power": "too little power is there",
    "energy": "energy is used up",
    "kept": "energy is kept back",
}
BINDING: dict[str, str] = {
    "no_source": "that no source is there",
    "not_forming": "that no source is there that can form the grid",
    "power": "power",
    "energy": "energy, which is used up",
    "kept": "that energy is kept back, for blocks of more weight or until a block can be held",
}
NEAR = 5e-4  # share of M_D below which it is called unchanged


def hours(value: float | None) -> str:
    """A time, or that it was not seen."""
    if value is None:
        return "not within the longest outage"
    if value < 1 / 60:
        return "at once"
    return f"{60 * value:.0f} min" if value < 1 else f"{value:.1f} h"


def percent(share: float) -> str:
    """A share of the demand, to as many digits as it has."""
    return f"{100 * share:.6g}%"


def after(value: float | None) -> str:
    """When something came, in a sentence."""
    if value is None:
        return hours(None)
    return "at once" if value < 1 / 60 else f"after {hours(value)}"


def answer(s: dict[str, Any]) -> str:
    """The answer in three sentences."""
    lost, without = s["m_d_kwh"], s["m_d_without_kwh"]
    return f"{_saved(lost, without, s['vehicles'])} {_binding(s)} {target(s)}"


def _saved(lost: float, without: float, vehicles: int) -> str:
    if vehicles == 0:
        return f"Without vehicles an outage costs {lost:,.0f} kWh on average."
    if max(lost, without) <= 0:
        return "Nothing is lost in any outage, with or without vehicles."
    share = (without - lost) / max(lost, without)
    if abs(share) <= NEAR:
        return f"Vehicles change nothing: {lost:,.0f} kWh are lost on average."
    if share < 0:
        return (
            f"With vehicles more is lost: {lost:,.0f} kWh on average instead of {without:,.0f}, "
            "as energy is shared out otherwise."
        )
    return (
        f"Vehicles serve {share:.0%} of what an outage would leave dark: {lost:,.0f} kWh are lost "
        f"on average instead of {without:,.0f}."
    )


def _binding(s: dict[str, Any]) -> str:
    missing = s["missing_kwh"]
    total = sum(missing.values())
    if total <= 0:
        return "No load that counts goes without."
    share = missing[s["binding"]] / total
    return f"What binds is {BINDING[s['binding']]}: {share:.0%} of what is lost."


def target(s: dict[str, Any]) -> str:
    """What the outages prove of the target."""
    asked = f"T_r within {s['target_t_r_h']:g} h and M_D within {s['target_m_d_kwh']:,.0f} kWh"
    found = (
        f"{s['target_kept_share']:.1%} of outages, at least {s['target_kept_proven']:.1%} proven"
    )
    verdict = "is kept" if s["target_proven"] else "is not proven"
    return f"The target, {asked}, {verdict} ({found})."


def binding_tests(s: dict[str, Any]) -> str:
    """What a tenth more of each would change."""
    if s["vehicles"] == 0:
        return "There are no vehicles that could bring more."
    return (
        f"A tenth more energy in each vehicle would leave {s['m_d_more_energy_kwh']:,.0f} kWh, "
        f"a tenth more power of each charger {s['m_d_more_power_kwh']:,.0f} kWh, instead of "
        f"{s['m_d_kwh']:,.0f}."
    )

"""What welfare is called in words: amounts, parties, policies, and the answer in one sentence."""

from collections.abc import Mapping, Sequence
from typing import Any

from evergrid.impact.compensation.policies import NONE, POLICIES, TWO_PART
from evergrid.impact.welfare.party import Party
from evergrid.report.labels import amount, decimals_for

MILLION = 1e6
THOUSAND = 1e3
YEAR_DAYS = (365, 366)
POLICY_LABELS = {one.name: one.label for one in (*POLICIES, TWO_PART, NONE)}
IN_A_SENTENCE = {
    Party.EV_OWNERS: "EV owners",
    Party.CONSUMERS: "other consumers",
    Party.GENERATORS: "generators",
    Party.UTILITY: "the utility",
    Party.AGGREGATOR: "the aggregator",
    Party.GOVERNMENT: "the government",
    Party.NEIGHBOURS: "neighbours",
    Party.ENVIRONMENT: "climate and health",
}
COST_LABELS = {
    "none": "no cost of carbon",
    "iwg_2021": "working group 2021",
    "epa_2.5": "EPA 2023, 2.5 %",
    "epa_2.0": "EPA 2023, 2.0 %",
    "epa_1.5": "EPA 2023, 1.5 %",
    "own": "own",
}


def scale_of(amounts: Sequence[float]) -> tuple[float, str]:
    """What amounts are divided by to be read, and the word for it."""
    largest = max((abs(one) for one in amounts), default=0.0)
    if largest >= MILLION:
        return MILLION, "million "
    return (THOUSAND, "thousand ") if largest >= 10 * THOUSAND else (1.0, "")


def period(s: Mapping[str, Any]) -> str:
    """Of how long the amounts are."""
    days = s["days"]
    return "a year" if YEAR_DAYS[0] <= days <= YEAR_DAYS[1] else f"in {days:g} days"


def money(value: float, currency: str) -> str:
    """An amount with its unit, without a sign."""
    scale, word = scale_of([value])
    shown = abs(value) / scale
    return f"{amount(shown, decimals=decimals_for(shown))} {word}{currency}"


def party_list(names: Sequence[str]) -> str:
    """Parties in words."""
    labels = [IN_A_SENTENCE[Party(name)] for name in names]
    if len(labels) < 2:
        return "".join(labels)
    return f"{', '.join(labels[:-1])} and {labels[-1]}"


def _inside(label: str) -> str:
    """A label within a sentence."""
    return label[0].lower() + label[1:]


def answer(s: Mapping[str, Any]) -> str:
    """What a regulator asks, answered in a sentence or two."""
    return _by_rates(s) + _lost_load(s)


def _lost_load(s: Mapping[str, Any]) -> str:
    """Load beyond all capacity, as a sentence more; empty where there is none."""
    before, after = s["lost_load_without_mwh"], s["lost_load_mwh"]
    if before <= 0 and after <= 0:
        return ""
    return (
        f" Load exceeds all capacity: {before:,.1f} MWh are lost without V2G, {after:,.1f} with it."
    )


def _by_rates(s: Mapping[str, Any]) -> str:
    """Who gains and who loses by the rates that are asked for."""
    currency = f"{s['currency']} of {s['dollar_year']}"
    label = _inside(POLICY_LABELS[s["policy"]])
    if s["fed_mwh"] <= 0 and not s["from_smart_charging"]:
        return f"With rates {_of(label)} nobody feeds, and nothing changes."
    change = s["welfare_change"]
    word = "better" if change > 0 else "worse"
    text = f"With rates {_of(label)} V2G leaves all together {money(change, currency)} {period(s)} "
    text += f"{word} off"
    if s["privately_good_socially_bad"]:
        gain = money(s["private_gain"], currency)
        text += f", though those who trade gain {gain}"
    if s["losers"]:
        text += f"; {party_list(s['losers'])} lose"
    return f"{text}. {_mended(s, currency)}"


def _of(label: str) -> str:
    return f'of the policy "{label}"'


def _mended(s: Mapping[str, Any], currency: str) -> str:
    """What the best policy would do instead."""
    better = s["best_welfare_change"] - s["welfare_change"]
    if better <= 1e-6 * max(abs(s["welfare_change"]), abs(s["best_welfare_change"])):
        return "No other policy that is tried is better."
    label = _inside(POLICY_LABELS[s["best_policy"]])
    if s["best_fed_mwh"] <= 0:
        return f"Rates {_of(label)} pay for no feeding and save {money(better, currency)} of that."
    return (
        f"Rates {_of(label)}, {s['best_rate_per_mwh']:,.2f} per MWh on average instead of "
        f"{s['rate_per_mwh']:,.2f} and for {s['best_fed_mwh']:,.0f} MWh instead of "
        f"{s['fed_mwh']:,.0f}, would be {money(better, currency)} better."
    )

"""One page for a regulator: the rate, who pays, who gains, and how sure that is."""

from collections.abc import Mapping
from typing import Any

from evergrid.impact.welfare.accounts import ADDER, FIXED, OWNER_PAYMENT
from evergrid.impact.welfare.party import Party
from evergrid.report.labels import amount, decimals_for
from evergrid.report.page import About, Headline, Section, Table
from evergrid.report.page import page as html_page
from evergrid.studies.welfare import notes, wording
from evergrid.studies.welfare.config import Config
from evergrid.studies.welfare.results import WelfareResults
from evergrid.studies.welfare.wording import POLICY_LABELS

# Printed, the sheet is one page: less air than a report has.
PRINTED = """<style>
@media print {
  header { margin-bottom: 12px; }
  h1 { font-size: 17pt; }
  h2 { font-size: 12pt; }
  .question { font-size: 10.5pt; line-height: 1.4; }
  .cards { grid-template-columns: repeat(4, 1fr); margin-bottom: 12px; }
  section { margin-bottom: 12px; }
  section > p { margin-bottom: 6px; max-width: none; line-height: 1.4; }
  table { font-size: 9pt; line-height: 1.35; }
  th, td { padding: 3px 10px; }
}
</style>
"""


def page(config: Config, found: WelfareResults, s: Mapping[str, Any]) -> str:
    """The sheet as HTML that asks for no network and prints on one page."""
    scale, word = wording.scale_of(list(s["by_party"].values()))
    unit = f"{word}{s['currency']} of {s['dollar_year']} {wording.period(s)}"
    sheet = html_page(
        f"Policy sheet: {config.title}",
        headline=_cards(s, scale, unit),
        sections=[
            Section("Who gains, who loses", f"In {unit}.", _parties(found, scale)),
            Section("Who pays owners", "For what they feed.", _payers(found, s)),
            Section("How sure is it", _band(config, found, s), None),
        ],
        about=About(question=wording.answer(s)),
    )
    return sheet.replace("</head>", f"{PRINTED}</head>", 1)


def _cards(s: Mapping[str, Any], scale: float, unit: str) -> list[Headline]:
    decimals = decimals_for(abs(s["welfare_change"]) / scale)
    total = amount(s["welfare_change"] / scale, signed=True, decimals=decimals)
    low, high = (
        amount(s[key] / scale, signed=True, decimals=decimals)
        for key in ("welfare_low", "welfare_high")
    )
    money = s["currency"]
    best = f"best: {s['best_rate_per_mwh']:,.2f}"
    return [
        Headline("Rate now", f"{s['rate_per_mwh']:,.2f}", f"{money}/MWh", best),
        Headline("All together", total, "", unit),
        Headline("Error band", f"{low} to {high}", "", "over the assumptions tried"),
        Headline("Carbon dioxide", f"{s['co2_t']:+,.0f}", "t", wording.period(s)),
    ]


def _parties(found: WelfareResults, scale: float) -> Table:
    """Gains under the policy at hand, and under the best one."""
    best, case = found.best, found.case
    gains = {**case.change.by_party}
    decimals = decimals_for(max(abs(one) for one in gains.values()) / scale)

    def shown(value: float) -> str:
        return amount(value / scale, signed=True, decimals=decimals)

    rows = [
        (party.label, shown(gains[party]), shown(best.change.by_party[party])) for party in Party
    ]
    rows.append(("All together", shown(case.change.total), shown(best.change.total)))
    labels = (POLICY_LABELS[one.outcome.policy.name] for one in (case, best))
    return Table(("party", *(f"{label}" for label in labels)), rows)


def _payers(found: WelfareResults, s: Mapping[str, Any]) -> Table:
    """Payments to owners under both policies."""
    rows = []
    for case in (found.case, found.best):
        ledger = case.change.after
        rows.append(
            (
                POLICY_LABELS[case.outcome.policy.name],
                f"{case.mean_rate_per_mwh:,.2f}",
                f"{case.fed_mwh:,.0f}",
                wording.money(ledger.paid(OWNER_PAYMENT) + ledger.paid(FIXED), s["currency"]),
                _signed(ledger.paid(ADDER), s["currency"]),
            )
        )
    columns = ("policy", f"rate, {s['currency']}/MWh", f"fed, MWh {wording.period(s)}")
    return Table((*columns, "the aggregator pays", "the government pays"), rows)


def _signed(value: float, currency: str) -> str:
    """An amount, with the sign of what is received instead."""
    return ("\u2212" if value < 0 else "") + wording.money(value, currency)


def _band(config: Config, found: WelfareResults, s: Mapping[str, Any]) -> str:
    """How the total depends on what is assumed."""
    low, high = (wording.money(s[key], s["currency"]) for key in ("welfare_low", "welfare_high"))
    signs = [
        "a loss of " if s[key] < 0 else "a gain of " for key in ("welfare_low", "welfare_high")
    ]
    same = "the same" if found.ranking.stable else "not the same"
    return (
        f"Over {len(found.assumptions)} combinations of wear, effort of owners, round trip, social "
        f"cost of carbon and baseline, all together have from {signs[0]}{low} to {signs[1]}{high} "
        f"{wording.period(s)}; in {s['positive_share']:.0%} of them they gain. The best policy is "
        f"{same} under every social cost that is compared. Payments between parties cancel; "
        "losses, lost load, wear, effort, climate and health are counted once. Baseline: "
        f"{s['baseline']} charging. Quoted, not verified: {'; '.join(notes.quoted(config, found))}."
    )

"""What a reader of a study of welfare must know."""

from evergrid.core.status import Status
from evergrid.impact.welfare.dollars import DEFLATOR
from evergrid.impact.welfare.party import Party
from evergrid.impact.welfare.pollutants import POLLUTANTS
from evergrid.impact.welfare.social_cost import IWG
from evergrid.studies.welfare import market, wording
from evergrid.studies.welfare.commitment import MERIT_ORDER, RELAXED, WHOLE
from evergrid.studies.welfare.config import Carbon, Config
from evergrid.studies.welfare.results import WelfareResults

LOCAL = (
    ("so2", "SO2", "so2_per_short_ton"),
    ("nox", "NOx", "nox_per_short_ton"),
    ("pm25", "PM2.5", "pm25_per_short_ton"),
)
OPEN_MONEY = 0.05  # share of the largest gain above which prices at edges are told
LEAST_TOLD_MWH = 0.5  # of storage and of what is curtailed; less is told as none
CURVES_MISS = 0.01  # share of the gain above which nodes are too few


def of(config: Config, found: WelfareResults) -> list[str]:
    """Notes, the ones that move the numbers most first."""
    vehicles, carbon = config.vehicles, config.carbon
    told = [
        "Vehicles charge in the hours of the lowest load and feed in those of the highest, whole "
        "days at a time; plants have no start-up, ramps or outages of their own.",
        f"Without V2G vehicles charge {_baseline(vehicles.baseline)}; the sign of the total may "
        "depend on it. Rates decide how much is fed, hours of the load decide when.",
        "With V2G and without, each day ends with as much energy in vehicles and storage as it "
        "began with, and drivers charge the same for driving.",
        *_storage(config, found),
        *found.social_cost.notes,
        *found.inputs.notes,
    ]
    if found.groups.example:
        told.append("Groups of households are made-up examples; give your own as [[group]].")
    if config.dollar_year not in (2020, 2015):
        told.append(
            f"Social costs are converted from dollars of 2020, local damage from those of "
            f"{carbon.local_dollar_year}, by the deflator of the GDP ({config.dollar_year}: "
            f"{DEFLATOR[config.dollar_year]:g})."
        )
    unseen = market.real_wear(config) - vehicles.wear_per_mwh
    if unseen:
        told.append(
            f"Owners count {vehicles.wear_per_mwh:g} of wear per MWh fed, and it comes to "
            f"{market.real_wear(config):g}: {abs(unseen * found.case.fed_mwh):,.0f} "
            f"{config.currency} that they do not see are in the welfare."
        )
    if carbon.price_per_t:
        left = market.damages(config, carbon.social_cost)[POLLUTANTS.index("co2")]
        left -= carbon.price_per_t
        told.append(
            f"Plants pay {carbon.price_per_t:g} for a tonne, which the government receives; "
            + (
                f"{left:,.2f} of the social cost are left to the climate."
                if left >= 0
                else f"that is {-left:,.2f} more than the social cost, and what emits less than "
                "it is worth is held back, too."
            )
        )
    told += _unverified(config, found) + _commitment(config, found)
    told += (
        _short_year(found)
        + _lost_load(found)
        + _curtailed(found)
        + _curves(found)
        + _edges(config, found)
    )
    return told


def _storage(config: Config, found: WelfareResults) -> list[str]:
    """Batteries of the grid, and what vehicles take from them."""
    storage = config.storage
    if storage is None:
        return []
    less = found.case.without.storage_fed_mwh - found.case.with_it.storage_fed_mwh
    change = f"{abs(less):,.0f} MWh {'less' if less > 0 else 'more'}"
    if abs(less) < LEAST_TOLD_MWH:
        change = "as much as without"
    return [
        f"Storage of the grid, {storage.power_mw:g} MW and {storage.energy_mwh:g} MWh of "
        f"{Party(storage.owner).label.lower()}, levels the load that vehicles leave, where that "
        f"saves more than wear and losses; with V2G it feeds {change}."
    ]


def _baseline(name: str) -> str:
    return {"smart": "in the hours of the lowest load", "uncontrolled": "when they come home"}[name]


def quoted(config: Config, found: WelfareResults) -> list[str]:
    """Figures that count here, are quoted by others and were not held against their sources."""
    carbon, usual, figures = config.carbon, Carbon(), list[str]()
    if "iwg_2021" in (carbon.social_cost, *carbon.compared, *config.assumed.social_cost):
        co2, ch4 = IWG
        figures.append(
            f"{co2:g} and {ch4:,.0f} USD of 2020 per tonne of CO2 and CH4 (working group 2021)"
        )
    emitted = found.inputs.supply.emission_kg_per_mwh
    local = [
        f"{label} {getattr(carbon, field):,.0f}"
        for name, label, field in LOCAL
        if emitted[POLLUTANTS.index(name)].any()
        and getattr(carbon, field) == getattr(usual, field) > 0
    ]
    if local:
        figures.append(f"benefit per short ton ({', '.join(local)} USD of 2015)")
    figures.append("income elasticity 1.4 of weighted gains of groups")
    return figures


def _unverified(config: Config, found: WelfareResults) -> list[str]:
    """Quoted figures, as a sentence."""
    return [
        "Quoted by others and not verified against their sources: "
        f"{'; '.join(quoted(config, found))}."
    ]


def _commitment(config: Config, found: WelfareResults) -> list[str]:
    """What the merit order leaves out, where units were committed for some days."""
    made, asked = found.commitment, config.commitment
    if made is None or asked is None:
        return []
    low, high = (float(one.gap) for one in sorted(made.pairs[WHOLE], key=lambda one: one.gap))
    saving, money = made.saving, config.currency
    open_question = ""
    if made.status is not Status.OPTIMAL:
        open_question = (
            f" The time limit of {asked.time_limit_s:g} s came before the gap of {asked.gap:.2%} "
            "was reached: allow more with commitment.time_limit_s."
        )
    if made.saving_uncertainty >= abs(saving[WHOLE]):
        open_question += " Whether whole units save by V2G is left open by their gaps."
    return [
        f"{made.days} days from {made.first_day} with units that run or stand, starts, ramps and "
        f"least output: V2G saves {saving[WHOLE]:,.0f} {money} of their cost, by up to "
        f"{made.saving_uncertainty:,.0f} more or less (gaps of {low:.2%} and {high:.2%}); "
        f"{saving[RELAXED]:,.0f} where units may run in part, {saving[MERIT_ORDER]:,.0f} by the "
        f"merit order that all else is counted by. The relaxation costs "
        f"{made.relaxation_share:.2%} less than whole units, the merit order "
        f"{made.merit_order_share:.2%} less. Starts in the first hour are free, and starts emit "
        f"nothing.{open_question}"
    ]


def _short_year(found: WelfareResults) -> list[str]:
    """Days that do not make a year."""
    days = float(found.inputs.weight.sum())
    if wording.YEAR_DAYS[0] <= days <= wording.YEAR_DAYS[1]:
        return []
    return [f"The days count {days:g} together, and not a year: amounts are of so many days."]


def _lost_load(found: WelfareResults) -> list[str]:
    """Load that plants cannot serve."""
    before, after = (one.sum(one.unserved_mwh) for one in (found.case.without, found.case.with_it))
    if not before and not after:
        return []
    return [
        f"Load exceeds all capacity: {before:,.1f} MWh are lost without V2G, {after:,.1f} with it, "
        "and the price is then the value of lost load."
    ]


def _curtailed(found: WelfareResults) -> list[str]:
    """Wind and sun that nobody takes."""
    before, after = (one.sum(one.curtailed_mwh) for one in (found.case.without, found.case.with_it))
    if max(before, after) < LEAST_TOLD_MWH:
        return []
    return [
        f"Wind and sun exceed the load in some hours: {before:,.0f} MWh are curtailed without V2G, "
        f"{after:,.0f} with it. Charging costs and emits nothing then."
    ]


def _curves(found: WelfareResults) -> list[str]:
    """Whether the worth of feeding is known well enough between nodes."""
    planned = found.case.change.total - found.case.from_smart
    told = found.case.outcome.welfare(found.curves, found.external)
    missed = abs(planned - told) / max(abs(planned), abs(told), 1e-300)
    if missed <= CURVES_MISS:
        return []
    return [
        f"Between nodes the worth of feeding is off by {missed:.1%} of the gain; raise `nodes`."
    ]


def _edges(config: Config, found: WelfareResults) -> list[str]:
    """Whether prices at the edges of blocks could move what parties gain."""
    left_open = found.case.undetermined
    if left_open <= OPEN_MONEY * max(abs(one) for one in found.case.change.by_party.values()):
        return []
    return [
        "Feeding ends where a block of plants does on some days, and there any price between those "
        f"of two blocks clears the market: up to {left_open:,.0f} {config.currency} could "
        "be with sellers instead of buyers, or the other way. All together are the same."
    ]

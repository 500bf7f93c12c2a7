"""The power system and the owners that a configuration of welfare describes."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.core.units import KG_PER_TONNE, KW_PER_MW, KWH_PER_MWH
from evergrid.impact.compensation.participation import LinearParticipation
from evergrid.impact.compensation.policies import DayCurves
from evergrid.impact.compensation.two_part import ProgrammeOwners
from evergrid.impact.welfare import baselines, pollutants, range_value, social_cost
from evergrid.impact.welfare.pollutants import POLLUTANTS
from evergrid.impact.welfare.power_system import feeding
from evergrid.impact.welfare.power_system.feeding import FeedingSystem, OwnerCosts
from evergrid.impact.welfare.power_system.grid_storage import GridStorage
from evergrid.impact.welfare.power_system.supply import StackSupply
from evergrid.impact.welfare.range_value import UnplannedTrips
from evergrid.impact.welfare.social_cost import SocialCost
from evergrid.studies.welfare.config import Config


@dataclass(frozen=True)
class PowerSystemInputs:
    """Plants and days as they were read.

    Attributes:
        supply: Serves loads at the grid.
        day: Name of each day.
        kind: Name of the kind of each day.
        weight: How often each counts.
        consumption_mwh: At meters.
        renewable_mwh: Wind and sun at the grid.
        notes: What was done to them.
    """

    supply: StackSupply
    day: Shaped[Array, " day"]
    kind: Shaped[Array, " day"]
    weight: Float[Array, " day"]
    consumption_mwh: Float[Array, "day hour"]
    renewable_mwh: Float[Array, "day hour"]
    notes: tuple[str, ...] = ()

    @property
    def kind_number(self) -> Int[Array, " day"]:
        """Number of the kind of each day."""
        return np.unique(self.kind.astype(str), return_inverse=True)[1]


def given(config: Config) -> PowerSystemInputs:
    """Plants and days that are written in the configuration.

    Raises:
        InputError: A stack that breaks rules.
    """
    days = config.days
    empty = np.zeros((len(days), len(days[0].load_mw)))
    for row, day in enumerate(days):
        if day.renewable_mw:
            empty[row] = day.renewable_mw
    return PowerSystemInputs(
        supply=_stack(config),
        day=np.array([one.name for one in days], dtype=object),
        kind=np.array([one.kind for one in days], dtype=object),
        weight=np.array([one.days for one in days]),
        consumption_mwh=np.array([one.load_mw for one in days]),
        renewable_mwh=empty,
    )


def _stack(config: Config) -> StackSupply:
    plants, carbon = config.plants, config.carbon
    cost = np.array([one.cost_per_mwh for one in plants])
    co2_t = np.array([one.co2_kg_per_mwh for one in plants]) / KG_PER_TONNE
    pays = np.array([one.pays_carbon for one in plants])
    if carbon.in_costs:  # the price is a payment to the government, and no cost of fuel
        cost = cost - np.where(pays, carbon.price_per_t * co2_t, 0.0)
    return StackSupply(
        name=np.array([one.name for one in plants], dtype=object),
        capacity_mw=np.array([one.capacity_mw for one in plants]),
        cost_per_mwh=cost,
        emission_kg_per_mwh=np.array(
            [[getattr(one, f"{name}_kg_per_mwh") for one in plants] for name in POLLUTANTS]
        ),
        imported=np.array([one.imported for one in plants]),
        pays_carbon=pays,
        carbon_price_per_t=carbon.price_per_t,
        voll_per_mwh=config.network.voll_per_mwh * (1.0 - config.network.loss_share),
    )


def system(config: Config, inputs: PowerSystemInputs, baseline: str) -> FeedingSystem:
    """The system in which vehicles feed, driving charged as a baseline says.

    Raises:
        InputError: Driving that does not fit into the chargers; shares beyond their range.
    """
    vehicles, loss = config.vehicles, config.network.loss_share
    charger_mw = vehicles.count * vehicles.charger_kw * vehicles.plugged_share / KW_PER_MW
    driving = vehicles.count * vehicles.driving_kwh_per_day / KWH_PER_MWH
    seen = inputs.consumption_mwh - inputs.renewable_mwh * (1.0 - loss)
    return FeedingSystem(
        supply=inputs.supply,
        weight=inputs.weight,
        consumption_mwh=inputs.consumption_mwh,
        renewable_mwh=inputs.renewable_mwh,
        driving_mwh=baselines.driving_load(
            baseline, seen, np.full(len(inputs.weight), driving), most_mwh=charger_mw
        ),
        loss_share=loss,
        charger_mw=charger_mw,
        round_trip=vehicles.round_trip,
        storage=_storage(config),
    )


def _storage(config: Config) -> GridStorage | None:
    """Batteries of the grid."""
    given = config.storage
    if given is None:
        return None
    return GridStorage(given.power_mw, given.energy_mwh, given.round_trip, given.wear_per_mwh)


def range_per_mwh(config: Config) -> float:
    """Worth of the range that a MWh fed takes from drivers, on average."""
    trips = UnplannedTrips(
        config.owners.unplanned_trips_per_day,
        config.owners.mean_trip_kwh,
        config.owners.cost_per_failure,
    )
    fed = config.vehicles.feed_kwh_per_day
    worth = range_value.option_value_per_day(trips, config.owners.stored_kwh, fed)
    return worth / fed * KWH_PER_MWH


def owners(config: Config) -> LinearParticipation:
    """Owners, the readiest first, with all that they count: wear, effort and range.

    Raises:
        ConfigError: A battery that does not hold what is fed.
    """
    vehicles = config.vehicles
    if vehicles.feed_kwh_per_day > config.owners.stored_kwh:
        rule = f"be at most owners.stored_kwh, {config.owners.stored_kwh:g}"
        fault = Fault("vehicles.feed_kwh_per_day", rule, (vehicles.feed_kwh_per_day,))
        raise ConfigError("config", [fault])
    most = vehicles.count * vehicles.feed_kwh_per_day / KWH_PER_MWH
    spread = config.owners.highest_per_mwh - config.owners.lowest_per_mwh
    least = vehicles.wear_per_mwh + range_per_mwh(config) + config.owners.lowest_per_mwh
    return LinearParticipation(least, most / spread, most)


def programme_owners(config: Config, days: float) -> ProgrammeOwners:
    """Owners who join for a year; together they feed at each rate what `owners` do."""
    every = owners(config)
    return ProgrammeOwners(
        vehicles=float(config.vehicles.count),
        power_kw=config.vehicles.charger_kw * config.vehicles.plugged_share,
        first_cost_per_mwh=every.lowest_per_mwh,
        last_cost_per_mwh=float(every.marginal_cost(every.most_mwh)),
        most_mwh=days * every.most_mwh / config.vehicles.count,
        highest_effort=config.owners.effort_per_year,
    )


def owner_costs(
    config: Config, weight: Float[Array, " day"], fed_mwh: Float[Array, " day"]
) -> OwnerCosts:
    """What feeding costs owners and the programme, over all days; wear as it comes to."""
    total = float(weight @ fed_mwh)
    counted = float(weight @ np.asarray(owners(config).cost(fed_mwh)))
    return OwnerCosts(
        wear=real_wear(config) * total,
        inconvenience=counted - config.vehicles.wear_per_mwh * total,
        programme=config.tariffs.programme_per_mwh * total,
    )


def real_wear(config: Config) -> float:
    """Wear per MWh fed as it comes to."""
    real = config.vehicles.real_wear_per_mwh
    return config.vehicles.wear_per_mwh if real is None else real


def cost_of_carbon(config: Config, name: str) -> SocialCost:
    """A social cost by its name.

    Raises:
        InputError: A year beyond its table or the deflator.
    """
    carbon = config.carbon
    if name == "own":
        assert carbon.own_per_t is not None
        assert carbon.own_dollar_year is not None
        year = carbon.own_dollar_year
        return social_cost.own(carbon.own_per_t, carbon.own_ch4_per_t, year, config.dollar_year)
    return social_cost.published(name, config.year, config.dollar_year)


def damages(config: Config, name: str) -> Float[Array, " pollutant"]:
    """Damage of a tonne of each pollutant, greenhouse gases at a social cost of that name."""
    carbon = config.carbon
    local = pollutants.local_per_tonne(
        config.dollar_year,
        per_short_ton={
            "so2": carbon.so2_per_short_ton,
            "nox": carbon.nox_per_short_ton,
            "pm25": carbon.pm25_per_short_ton,
        },
        given_in=carbon.local_dollar_year,
    )
    per_tonne = pollutants.damage_per_tonne(
        cost_of_carbon(config, name), local, local_dollar_year=config.dollar_year
    )
    return np.array([per_tonne[one] for one in POLLUTANTS])


def curves(config: Config, inputs: PowerSystemInputs) -> DayCurves:
    """Worth of feeding on each day, to the system without owners' costs.

    The system is that of smart charging: what comes of shifting the driving itself is no feeding.
    """
    most = owners(config).most_mwh
    nodes = np.linspace(0.0, most, config.nodes)
    of_system = system(config, inputs, "smart")
    worth = feeding.value(of_system, nodes, voll_per_mwh=config.network.voll_per_mwh)
    tariffs = config.tariffs
    tax = tariffs.tax_per_mwh if tariffs.tax_on_feeding else 0.0
    per_mwh = tariffs.programme_per_mwh + tax / config.vehicles.round_trip
    return DayCurves(
        quantity_mwh=nodes,
        private=worth.saved - per_mwh * nodes,
        damage=worth.emitted_t,
        priced_co2_t=worth.priced_co2_t,
        weight=inputs.weight,
        kind=inputs.kind_number,
    )


def external(config: Config, of: DayCurves, name: str) -> Float[Array, "day node"]:
    """Worth of feeding to everyone whom no price reaches, under a social cost of that name.

    Beside the damage that the carbon price leaves: wear that owners do not count, and a tax on
    charging that the government receives.
    """
    tariffs = config.tariffs
    tax = tariffs.tax_per_mwh if tariffs.tax_on_feeding else 0.0
    unseen = real_wear(config) - config.vehicles.wear_per_mwh
    per_mwh = tax / config.vehicles.round_trip - unseen
    world = of.external(damages(config, name), config.carbon.price_per_t)
    return world + per_mwh * of.quantity_mwh

"""One function per figure: records and arrays in, a Plotly figure out, nothing else touched."""

from evergrid.report.figures.battery.energy import energy_lost
from evergrid.report.figures.battery.law_of_cells import CellCurve, cell_tests
from evergrid.report.figures.battery.life import capacity_left, capacity_lost, day_of_strategy
from evergrid.report.figures.battery.plan_wear import wear_by_strategy
from evergrid.report.figures.battery.stress import stress_map
from evergrid.report.figures.fleet.firm_capacity import (
    diversity_curve,
    offer_curve,
    offer_fan,
    promises_kept,
    sharpness_bars,
)
from evergrid.report.figures.fleet.fleet import energy_band, fleet_power
from evergrid.report.figures.fleet.forecast import forecast_against_actual
from evergrid.report.figures.fleet.reliability import (
    Quarters,
    promises_by_quarter,
    reliability_diagram,
)
from evergrid.report.figures.grid.electrical_distance import distance_diagram
from evergrid.report.figures.grid.feeder import feeder_map
from evergrid.report.figures.grid.hosting_capacity import (
    headroom_over_day,
    stopper_bars,
    violation_curve,
)
from evergrid.report.figures.grid.loading import LoadingPanel, feeder_loading
from evergrid.report.figures.grid.strength import droop_response, loop_gains, scr_curve
from evergrid.report.figures.grid.volt_var import (
    losses_bars,
    operations_bars,
    tap_timelines,
    voltage_day,
)
from evergrid.report.figures.impact.emissions import (
    CarbonBar,
    carbon_bars,
    carbon_frontier,
    carbon_over_time,
)
from evergrid.report.figures.plan.chargers import PhaseRun, charger_currents, phase_currents
from evergrid.report.figures.plan.curtailment import generation
from evergrid.report.figures.plan.level import level_loading
from evergrid.report.figures.plan.money import profit_comparison, value_waterfall
from evergrid.report.figures.plan.site import MOST_SITES, SiteRun, site_heatmap, site_loading
from evergrid.report.figures.plan.vehicle import VehicleRun, vehicle_day
from evergrid.report.figures.resilience.black_start_course import (
    Mark,
    block_timeline,
    island_course,
    pick_up_details,
    served_power,
    unit_shares,
)
from evergrid.report.figures.resilience.black_start_modes import closing_modes, foretold_swing
from evergrid.report.figures.resilience.black_start_sections import section_course
from evergrid.report.figures.resilience.frequency import (
    frequency_after_loss,
    missing_by_cause,
    nadir_by_fleet,
    nadir_by_inertia,
    power_after_loss,
    record_played,
    vehicles_in_record,
)
from evergrid.report.figures.resilience.outages import (
    StepCurve,
    degradation_curve,
    energy_by_tier,
    recovery_curve,
    served_over_time,
    survival_curve,
)
from evergrid.report.figures.resilience.sizing import (
    least_fleet,
    standing_reserve,
    what_binds,
    worth_of_vehicles,
)
from evergrid.report.figures.resilience.waveform import (
    EnergisationRun,
    core_flux,
    inrush_current,
    rising_voltage,
)
from evergrid.report.figures.services.regulation import (
    SHOWN_S,
    score_and_credit,
    signal_followed,
    signal_through_the_day,
    switches_by_charger,
)
from evergrid.report.figures.services.rule_books import award_bars, award_by_hour, power_by_duration
from evergrid.report.figures.services.stacking import awards_over_time, bid_curve
from evergrid.report.figures.welfare.gains import group_gains, party_waterfall, sign_of_total
from evergrid.report.figures.welfare.rates import feeding_day, policy_welfare, rate_sweep

__all__ = [
    "MOST_SITES",
    "SHOWN_S",
    "CarbonBar",
    "CellCurve",
    "EnergisationRun",
    "LoadingPanel",
    "Mark",
    "PhaseRun",
    "Quarters",
    "SiteRun",
    "StepCurve",
    "VehicleRun",
    "award_bars",
    "award_by_hour",
    "awards_over_time",
    "bid_curve",
    "block_timeline",
    "capacity_left",
    "capacity_lost",
    "carbon_bars",
    "carbon_frontier",
    "carbon_over_time",
    "cell_tests",
    "charger_currents",
    "closing_modes",
    "core_flux",
    "day_of_strategy",
    "degradation_curve",
    "distance_diagram",
    "diversity_curve",
    "droop_response",
    "energy_band",
    "energy_by_tier",
    "energy_lost",
    "feeder_loading",
    "feeder_map",
    "feeding_day",
    "fleet_power",
    "forecast_against_actual",
    "foretold_swing",
    "frequency_after_loss",
    "generation",
    "group_gains",
    "headroom_over_day",
    "inrush_current",
    "island_course",
    "least_fleet",
    "level_loading",
    "loop_gains",
    "losses_bars",
    "missing_by_cause",
    "nadir_by_fleet",
    "nadir_by_inertia",
    "offer_curve",
    "offer_fan",
    "operations_bars",
    "party_waterfall",
    "phase_currents",
    "pick_up_details",
    "policy_welfare",
    "power_after_loss",
    "power_by_duration",
    "profit_comparison",
    "promises_by_quarter",
    "promises_kept",
    "rate_sweep",
    "record_played",
    "recovery_curve",
    "reliability_diagram",
    "rising_voltage",
    "score_and_credit",
    "scr_curve",
    "section_course",
    "served_over_time",
    "served_power",
    "sharpness_bars",
    "sign_of_total",
    "signal_followed",
    "signal_through_the_day",
    "site_heatmap",
    "site_loading",
    "standing_reserve",
    "stopper_bars",
    "stress_map",
    "survival_curve",
    "switches_by_charger",
    "tap_timelines",
    "unit_shares",
    "value_waterfall",
    "vehicle_day",
    "vehicles_in_record",
    "violation_curve",
    "voltage_day",
    "wear_by_strategy",
    "what_binds",
    "worth_of_vehicles",
]

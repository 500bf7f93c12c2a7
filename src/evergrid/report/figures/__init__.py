"""One function per figure: records and arrays in, a Plotly figure out, nothing else touched."""

from evergrid.report.figures.battery.life import (
    capacity_left,
    capacity_lost,
    day_of_strategy,
)
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
from evergrid.report.figures.plan.curtailment import generation
from evergrid.report.figures.plan.level import level_loading
from evergrid.report.figures.plan.money import profit_comparison, value_waterfall
from evergrid.report.figures.plan.site import MOST_SITES, SiteRun, site_heatmap, site_loading
from evergrid.report.figures.plan.vehicle import VehicleRun, vehicle_day

__all__ = [
    "MOST_SITES",
    "LoadingPanel",
    "Quarters",
    "SiteRun",
    "VehicleRun",
    "capacity_left",
    "capacity_lost",
    "day_of_strategy",
    "distance_diagram",
    "diversity_curve",
    "droop_response",
    "energy_band",
    "feeder_loading",
    "feeder_map",
    "fleet_power",
    "forecast_against_actual",
    "generation",
    "headroom_over_day",
    "level_loading",
    "loop_gains",
    "losses_bars",
    "offer_curve",
    "offer_fan",
    "operations_bars",
    "profit_comparison",
    "promises_by_quarter",
    "promises_kept",
    "reliability_diagram",
    "scr_curve",
    "sharpness_bars",
    "site_heatmap",
    "site_loading",
    "stopper_bars",
    "tap_timelines",
    "value_waterfall",
    "vehicle_day",
    "violation_curve",
    "voltage_day",
]

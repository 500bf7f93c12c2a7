"""What a plan finds."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from evergrid.dispatch.plan import Plan
from evergrid.dispatch.rolling import RollingResult
from evergrid.inputs.assembly import StudyInputs
from evergrid.studies.plan.feeder.feeder import FeederResults
from evergrid.studies.plan.site_loading import SiteLoading
from evergrid.studies.plan.wear.wear import WearResults


@dataclass(frozen=True)
class PlanResults:
    """Every strategy, and what it was computed from.

    Attributes:
        inputs: What the study was given.
        plans: The plan by strategy: "uncontrolled", "smart", "v2g".
        rolling: What rolling planning came to by view of prices: "perfect", "forecast",
            "persistence"; empty when it was not asked for.
        feeder: What the plans do to the feeder; None without one.
        wear: What strategies do to batteries by an ageing model; None without one.
    """

    inputs: StudyInputs
    plans: Mapping[str, Plan]
    rolling: Mapping[str, RollingResult]
    feeder: FeederResults | None
    wear: WearResults | None = None

    @cached_property
    def loading(self) -> SiteLoading:
        """The sites under the V2G plan."""
        return SiteLoading(self.inputs.portfolio, self.plans["v2g"])

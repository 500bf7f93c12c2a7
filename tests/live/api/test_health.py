"""Ready where the work is done, with the reason where not; figures that a monitor reads."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from evergrid.live.view import Overview
from tests.live.fake_service import FakeService
from tests.live.serving import Served, serving


class Late(FakeService):
    """Decided last a while ago."""

    age_s = 31.0

    def overview(self) -> Overview:
        return replace(super().overview(), tick_age_s=self.age_s)


def test_a_part_that_is_not_ready_says_why():
    why = {"store": ""}
    checks = {"store": lambda: why["store"]}
    with serving(FakeService(3), checks=checks) as own, own.client() as client:
        assert client.get("/api/v1/readyz").status_code == 200
        why["store"] = "the disk is full"
        answer = client.get("/api/v1/readyz")
        assert answer.status_code == 503
        assert answer.json()["error"] == "store: the disk is full"
        assert client.get("/api/v1/healthz").status_code == 200


@pytest.mark.parametrize("age_s", [31.0, float("inf"), float("nan")])
def test_a_controller_that_decides_no_more_is_not_ready(age_s: float):
    late = Late(3)
    late.age_s = age_s
    with serving(late) as own, own.client() as client:
        answer = client.get("/api/v1/readyz")
        assert answer.status_code == 503
        assert "controller" in answer.json()["error"]


def test_figures_are_those_of_the_fleet(served: Served):
    with served.as_("victor") as client:
        text = client.get("/api/v1/metrics").text
    values = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["evergrid_stations"] == 20
    assert values["evergrid_stations_online"] == 18
    assert values["evergrid_viewers"] == 0
    assert values["evergrid_viewers_dropped_total"] == 0


def test_a_fleet_without_a_signal_has_no_figure_of_it():
    with serving(FakeService(0)) as own, own.as_("victor") as client:
        text = client.get("/api/v1/metrics").text
    assert "evergrid_signal_age_seconds " not in text
    assert "evergrid_stations 0.0" in text

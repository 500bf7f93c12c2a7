"""Outages that workers of a cluster follow have the numbers of one process, to the last digit."""

import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import InputError
from evergrid.engine.cluster.fan_out import Workers
from evergrid.studies import resilience
from evergrid.studies.resilience.cases import FleetCase, followed
from evergrid.studies.resilience.scenarios import drawn
from evergrid.studies.resilience.study import checked, restoration_rule
from evergrid.studies.resilience.workers import OutageWorkers, chosen
from tests.studies.resilience.cases import configuration

pytestmark = pytest.mark.xdist_group("ray")

MIXED = {  # outages differ in how many vehicles come and in which sets start
    "diesel_set": [{"power_kw": 15.0, "fuel_kwh": 60.0, "start_probability": 0.6}],
    "solar": {"kw_by_hour": [4.0] * 24},
}


def configured() -> resilience.Config:
    given = configuration(sizing=None, standing=None, storm=None, regulation=None)
    vehicles = [given["microgrid"]["vehicles"][0] | {"arrival_share": 0.5}]
    site = given["microgrid"] | MIXED | {"vehicles": vehicles}
    return parse(resilience.Config, given | {"microgrid": site})


def agree(found: Any, wanted: Any) -> None:
    for name, value in vars(wanted).items():
        got = getattr(found, name)
        if hasattr(value, "threshold"):
            agree(got, value)
        else:
            np.testing.assert_array_equal(got, value, err_msg=name)


def each_here(
    workers: Workers, work: Callable[[Any, Any], Any], shared: Any, parts: Iterable[Any]
) -> list[Any]:
    """One part after the other in this process, as they are split."""
    return [work(shared, part) for part in parts]


def case(config: resilience.Config, workers: OutageWorkers) -> FleetCase:
    outages = drawn(config, 0)
    rule = restoration_rule(config, outages)
    return followed(config, outages, rule, causes=True, workers=workers)


@pytest.mark.parametrize("count", [1, 3, 100])
def test_parts_put_together_are_the_undivided_outages(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(Workers, "each", each_here)
    config, split = configured(), OutageWorkers(Workers(sys, count))
    assert len(split.split(drawn(config, 0))) > 1
    agree(case(config, split), case(config, OutageWorkers()))


@pytest.mark.slow
@pytest.mark.cluster
def test_workers_of_a_cluster_find_what_one_process_finds(ray: ModuleType) -> None:
    config = configured()
    workers = OutageWorkers(Workers(ray, 2))
    agree(case(config, workers), case(config, OutageWorkers()))
    outages = drawn(config, 0)
    rule = restoration_rule(config, outages)
    agree(checked(config, outages, rule, 2, workers), checked(config, outages, rule, 2))


def test_a_cluster_without_ray_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"workers must be one whose .*evergrid\[cluster\]"):
        chosen("cluster")
    given = configuration(outage={"workers": "cluster"})
    with pytest.raises(InputError, match=r"evergrid\[cluster\]"):
        resilience.run(parse(resilience.Config, given), seed=0)

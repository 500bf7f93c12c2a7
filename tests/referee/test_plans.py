"""Random plans of every family and method against the referee; many more by the command."""

from pathlib import Path
from types import ModuleType

import pytest

from tests.referee.families import FAMILIES
from tests.referee.judge import Judged

SEEDS = range(3)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_plans_are_right_by_every_exact_and_compiled_method(tmp_path: Path, family: str, seed: int):
    judged = Judged(family, seed, tmp_path)
    found = {method: judged.verdict(method).faults for method in ("highs", "interior_point")}
    assert found == {method: [] for method in found}


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_tree_that_the_interior_point_loses_is_no_warning(tmp_path: Path):
    assert Judged("depot", 19, tmp_path).verdict("interior_point").faults == []


@pytest.mark.slow
@pytest.mark.xdist_group("device")
@pytest.mark.parametrize("family", ["home", "give_way"])
def test_plans_for_accelerators_are_right(tmp_path: Path, family: str):
    for number in range(3):  # of one shape, so that they compile once
        judged = Judged(family, 3, tmp_path / str(number), variation=number)
        assert judged.verdict("device").faults == [], number


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.xdist_group("ray")
@pytest.mark.parametrize(("family", "seed"), [("general", 0), ("depot", 1), ("give_way", 2)])
def test_plans_of_a_cluster_are_right(tmp_path: Path, ray: ModuleType, family: str, seed: int):
    assert Judged(family, seed, tmp_path).verdict("cluster").faults == []

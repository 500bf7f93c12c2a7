"""The electrical distance of a bus is the impedance of the way to it, on one base."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evergrid.grid.feeder import electrical_distance, opendss
from tests.grid.cases import street

PHASE_V = 400 / np.sqrt(3)


def test_lines_and_transformers_add_up_by_hand(tmp_path: Path):
    feeder = opendss.read(street(tmp_path))
    ways = electrical_distance.from_source(feeder)
    far = dict(zip(feeder.buses.name, ways.impedance_per_kva, strict=True))
    per_km = abs(0.32 + 0.07j) * 1000 / PHASE_V**2  # per unit on 1 kVA in each phase
    assert far["source"] == 0
    # 0.5 % and 4 % at 100 kVA, a third of which is in each phase
    assert far["a"] == pytest.approx(abs(0.01 + 0.04j) * 3 / 100, rel=0.02)
    assert far["b"] - far["a"] == pytest.approx(0.2 * per_km, rel=1e-6)
    assert far["c"] - far["b"] == pytest.approx(0.1 * per_km, rel=1e-6)
    before = {
        str(name): None if row < 0 else str(feeder.buses.name[row])
        for name, row in zip(feeder.buses.name, ways.before, strict=True)
    }
    assert before == {"source": None, "a": "source", "b": "a", "c": "b"}


def test_of_two_ways_the_shorter_one_is_taken_and_lines_side_by_side_halve_it(tmp_path: Path):
    def far(name: str, more: str):
        (tmp_path / name).mkdir()
        feeder = opendss.read(street(tmp_path / name, more))
        ways = electrical_distance.from_source(feeder)
        return dict(zip(feeder.buses.name, ways.impedance_per_kva, strict=True))

    alone = far("alone", "")
    beside = far("beside", "New Line.twin bus1=a bus2=b linecode=cable length=0.2 units=km")
    ring = far("ring", "New Line.ring bus1=a bus2=c linecode=cable length=0.05 units=km")
    single = far("single", "New Line.d bus1=c.1 bus2=d.1 phases=1 r1=.1 x1=0 r0=.1 x0=0 length=1")
    assert beside["b"] - beside["a"] == pytest.approx((alone["b"] - alone["a"]) / 2, rel=1e-6)
    assert ring["c"] - ring["a"] == pytest.approx((alone["c"] - alone["b"]) / 2, rel=1e-6)
    assert single["d"] - single["c"] == pytest.approx(0.1 * 1000 / PHASE_V**2, rel=1e-3)


def test_what_no_way_leads_to_has_no_distance(tmp_path: Path):
    feeder = opendss.read(street(tmp_path))
    name = np.append(feeder.buses.name, "island")
    more = {key: np.append(getattr(feeder.buses, key), 1.0) for key in ("base_v", "x", "y")}
    buses = replace(feeder.buses, name=name, **more)
    ways = electrical_distance.from_source(replace(feeder, buses=buses))
    assert np.isnan(ways.impedance_per_kva[-1])
    assert ways.before[-1] == -1

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.model.generators import select
from tests.impact.merit_order.cases import fleet_of


def test_capacity_and_marginal_cost_come_from_segments():
    fleet = fleet_of(
        [10, 20, 5],
        [8, 9, 7],
        unit=[0, 0, 1],
        fuel_price_per_mmbtu=np.array([2.0, 3.0]),
        other_cost_per_mwh=np.array([1.0, 0.5]),
    )
    assert fleet.capacity_mw.tolist() == [30, 5]
    assert fleet.first_segment.tolist() == [0, 2]
    assert fleet.cost_per_mwh.tolist() == [17, 19, 21.5]


def test_every_fault_is_told_at_once_with_its_units():
    with pytest.raises(InputError) as told:
        fleet_of(
            [10, -1],
            [8, np.nan],
            minimum_mw=np.array([4.0, 0.0]),
            ramp_mw_per_h=np.array([np.inf, 0.0]),
        )
    text = str(told.value)
    assert "segment_mw must be finite and above 0, got -1 for u1" in text
    assert "heat_rate_mmbtu_per_mwh must be finite and at least 0, got nan for u1" in text
    assert "minimum_mw must be 0 or the end of the unit's first segment, got 4 for u0" in text
    assert "ramp_mw_per_h must be above 0" in text


@pytest.mark.parametrize("factor", [0.4, 0.9, 9000.0])
def test_emissions_in_another_unit_are_refused(factor: float):
    with pytest.raises(InputError, match=r"t/MWh or kg/kWh: multiply it by 1,000"):
        fleet_of([10], [8], co2_kg_per_mwh=[factor])


def test_a_unit_may_emit_nothing_or_less_than_nothing():
    fleet = fleet_of([10, 10], [8, 8], co2_kg_per_mwh=[0, -700])
    assert fleet.remarks() == (
        "1 unit(s) have negative emission factors (u1): running them lowers the total.",
    )
    assert fleet_of([10], [8]).remarks() == ()


def test_a_unit_without_a_segment_is_refused():
    with pytest.raises(InputError, match="segment for every unit, got 0 for u1"):
        fleet_of([10, 10], [8, 8], unit=[0, 2])


def test_segments_out_of_order_are_refused():
    with pytest.raises(InputError, match="segment_unit must never fall"):
        fleet_of([10, 10], [8, 8], unit=[1, 0])


def test_two_units_of_one_name_are_refused():
    with pytest.raises(InputError, match="unit_id must be unique"):
        fleet_of([10, 10], [8, 8], unit_id=np.array(["a", "a"], object))


def test_a_selection_keeps_units_with_their_segments():
    fleet = fleet_of([10, 20, 5, 6], [8, 9, 7, 6], unit=[0, 0, 1, 2])
    part = select(fleet, np.array([True, False, True]))
    assert part.unit_id.tolist() == ["u0", "u2"]
    assert part.capacity_mw.tolist() == [30, 6]
    assert part.segment_unit.tolist() == [0, 0, 1]

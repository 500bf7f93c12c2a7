"""Stays of one vehicle: no two at once."""

import numpy as np

from evergrid.fleet.synthetic.stay import Stays, without_overlaps


def stays(vehicle: list[int], arrival: list[str], departure: list[str]) -> Stays:
    begin, end = (np.array(clock, "datetime64[m]") for clock in (arrival, departure))
    return Stays(np.array(vehicle), begin, end, np.ones(len(vehicle)))


def test_a_stay_inside_an_earlier_one_is_dropped_and_the_next_one_kept() -> None:
    given = stays(
        [0, 0, 0, 1],
        ["2022-01-01T18:00", "2022-01-02T09:00", "2022-01-03T12:00", "2022-01-02T09:00"],
        ["2022-01-03T08:00", "2022-01-05T09:00", "2022-01-03T13:00", "2022-01-02T10:00"],
    )
    kept = without_overlaps(given, np.array([0, 1, 2, 1]), 2)
    assert list(kept.vehicle) == [0, 0, 1]
    assert list(kept.arrival_local.astype(str)) == [
        "2022-01-01T18:00",
        "2022-01-03T12:00",
        "2022-01-02T09:00",
    ]

"""Names: unique, in order, and shared by the rows of one vehicle."""

import numpy as np

from evergrid.fleet.synthetic import names


def test_names_count_vehicles_and_their_sessions_from_one() -> None:
    asset_id, session_id = names.of("home", np.array([0, 0, 11]), 12)
    assert list(asset_id) == ["home-01", "home-01", "home-12"]
    assert list(session_id) == ["home-01/1", "home-01/2", "home-12/1"]


def test_names_sort_as_their_rows() -> None:
    vehicle = np.repeat(np.arange(30), 12)
    _, session_id = names.of("bus", vehicle, 30)
    assert list(session_id) == sorted(set(session_id))


def test_no_sessions_have_no_names() -> None:
    asset_id, session_id = names.of("home", np.array([], np.int64), 3)
    assert len(asset_id) == len(session_id) == 0

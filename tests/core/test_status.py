"""Every way a solve may end explains itself, and only two leave a usable plan."""

import pytest

from evergrid.core.status import Status


@pytest.mark.parametrize("status", Status)
def test_every_status_says_what_it_means_in_sentences(status: Status):
    assert status.message.endswith(".")
    assert status.message[0].isupper()


def test_a_plan_is_usable_where_all_gives_way_that_must():
    assert {status for status in Status if status.good} == {
        Status.OPTIMAL,
        Status.FEASIBLE,
        Status.LIMITS_EXCEEDED,
    }


def test_a_status_is_its_name_in_a_summary():
    assert str(Status.TIME_LIMIT) == "time_limit"
    assert Status("infeasible") is Status.INFEASIBLE

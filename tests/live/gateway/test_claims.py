"""Of a station's connections only the newest counts."""

from evergrid.live.gateway.claims import Claim, Claims


def test_a_newer_claim_supersedes_the_older_one():
    claims = Claims("t")
    first, nobody = claims.give("cp-1", "a")
    assert nobody is None
    second, older = claims.give("cp-1", "b")
    assert older is not None
    assert (older.gateway, older.claim) == ("a", first)
    assert claims.is_superseded("cp-1", first)
    assert not claims.is_newest("cp-1", first)
    assert claims.is_newest("cp-1", second)
    assert second.epoch > first.epoch


def test_the_end_of_an_older_connection_ends_nothing():
    claims = Claims("t")
    first, _ = claims.give("cp-1", "a")
    second, _ = claims.give("cp-1", "a")
    assert not claims.end("cp-1", first)
    assert claims.holder("cp-1") is not None
    assert claims.end("cp-1", second)
    assert claims.holder("cp-1") is None
    assert not claims.end("cp-1", second)


def test_a_gateway_that_is_lost_loses_what_it_held_and_nothing_else():
    claims = Claims("t")
    for station, gateway in (("cp-2", "a"), ("cp-1", "a"), ("cp-3", "b"), ("cp-2", "b")):
        claims.give(station, gateway)
    assert claims.lose("a") == ("cp-1",)
    assert claims.lose("a") == ()
    assert claims.holder("cp-1") is None
    for station in ("cp-2", "cp-3"):
        holder = claims.holder(station)
        assert holder is not None
        assert holder.gateway == "b"


def test_a_claim_of_another_term_is_not_known_rather_than_superseded():
    claims = Claims("new")
    claims.give("cp-1", "a")
    assert not claims.is_superseded("cp-1", Claim("old", 1))
    assert not claims.is_newest("cp-1", Claim("old", 1))

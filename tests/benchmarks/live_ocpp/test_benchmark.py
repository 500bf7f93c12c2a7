"""The benchmark runs, small, and says what it measured."""

import re

import pytest
import uvloop

from benchmarks.live_ocpp import __main__ as benchmark


def test_each_part_prints_its_figures(capsys: pytest.CaptureFixture[str]):
    uvloop.run(benchmark.hold(3, 0.1))
    uvloop.run(benchmark.orders(3, 2))
    uvloop.run(benchmark.events(3, 200))
    uvloop.run(benchmark.durable(3, 200))
    uvloop.run(benchmark.bare(3, 200))
    held, orders, events, durable, bare = capsys.readouterr().out.splitlines()
    assert re.match(r"3 stations: all ready in .*, 0 lost, ", held)
    assert re.match(r"order acknowledged: [\d.]+ us CPU each .* 3 at once in \d+ ms", orders)
    assert re.match(r"bare socket, the same events: [\d.]+ us CPU each", bare)
    assert re.match(r"TransactionEvent answered: [\d.]+ us CPU each", events)
    assert re.match(r"TransactionEvent on the disk and answered: [\d.]+ us CPU each", durable)

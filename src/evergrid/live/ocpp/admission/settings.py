"""What can be set of the central system, and why each bound is what it is."""

from dataclasses import dataclass
from pathlib import Path

from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.live.ocpp.admission.registry import MOST_PER_MINUTE


@dataclass(frozen=True)
class Settings:
    """Bounds and intervals; times in seconds.

    Attributes:
        meter_interval_s: Between meter values in a transaction, as stations are told.
        heartbeat_s: Between heartbeats.
        boot_wait_s: For a BootNotification after connecting, before a station is asked what it
            can do; one that only lost its link sends none.
        call_timeout_s: For an answer of a station.
        order_timeout_s: For its answer to an order.
        floor_kw: At which a station charges without our orders, at most its rating.
        ping_s: Between pings. Two intervals and the closing make at most 35 s until a link that
            fails without a word is known to be lost.
        open_timeout_s: For a handshake.
        close_timeout_s: For a closing handshake.
        connections: At once.
        reconnects_per_minute: Of one station, before it is held off for a minute.
        reactive_power: Whether stations with functions for the grid are to meter reactive power.
        plain_beyond_loopback: Whether connections without TLS may come from other machines.
        schemas: Folders with other schemas, by version; those of the package ``ocpp`` otherwise.
    """

    meter_interval_s: int = 10
    heartbeat_s: int = 300
    boot_wait_s: float = 5.0
    call_timeout_s: float = 30.0
    order_timeout_s: float = 10.0
    floor_kw: float = 1.4  # 6 A, 230 V: the least that IEC 61851 lets a vehicle draw
    ping_s: float = 15.0
    open_timeout_s: float = 10.0
    close_timeout_s: float = 5.0
    connections: int = 20_000
    reconnects_per_minute: int = MOST_PER_MINUTE
    reactive_power: bool = False
    plain_beyond_loopback: bool = False
    schemas: tuple[tuple[str, Path], ...] = ()

    def __post_init__(self) -> None:
        names = (
            "meter_interval_s",
            "heartbeat_s",
            "call_timeout_s",
            "order_timeout_s",
            "floor_kw",
            "ping_s",
            "open_timeout_s",
            "close_timeout_s",
            "connections",
            "reconnects_per_minute",
        )
        values = {name: getattr(self, name) for name in names}
        faults = [
            Fault(name, "be above 0", (value,)) for name, value in values.items() if not value > 0
        ]
        raise_if_any("settings of the central system", faults)

"""How the interface guards itself: limits in number, size and time."""

from dataclasses import dataclass
from datetime import tzinfo
from zoneinfo import ZoneInfo

UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class ShownTable:
    """A table of the service's configuration, as it may be shown: without secrets.

    Attributes:
        title: Its place in the file; "" for the keys before the first table.
        rows: Keys, each with its value as the file would have it.
    """

    title: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Settings:
    """Limits of the interface and the pages.

    Attributes:
        secure: Whether browsers reach it over TLS only; the cookie then never leaves TLS.
        origins: Addresses, such as ``https://fleet.example``, whose pages may change something;
            empty for the one under which a request itself came.
        zone: Time zone in which pages show and take times.
        session_s: A log-in holds so long.
        largest_body: Bytes of a request.
        body_s: For a request to come whole.
        requests_per_s: From one address, after a burst of `requests_burst`.
        requests_burst: Requests at once from one address.
        logins_per_min: Log-ins tried from one address, after a burst of `logins_burst`.
        logins_burst: Log-ins tried at once from one address.
        logins_at_once: Passwords that are checked at the same time, as each takes much memory.
        logins_waiting: Log-ins that wait for that; more are sent away.
        changes_per_min: Changes by one person, after a burst of `changes_burst`.
        changes_burst: Changes at once by one person.
        command_s: A command has so long before it is given up.
        viewers: Streams at the same time.
        update_s: Between two updates of a stream.
        heartbeat_s: A stream says at least so often that it lives.
        stalled_s: A reader that takes nothing for so long is dropped.
        recheck_s: A stream looks so often whether its viewer may still see.
        update_bytes: Of an update of all stations; what changed beyond it comes with the next.
        tick_late_s: Not ready where the controller decided longer ago.
    """

    secure: bool = True
    origins: tuple[str, ...] = ()
    zone: tzinfo = UTC
    session_s: float = 12 * 3600.0
    largest_body: int = 64 * 1024
    body_s: float = 10.0
    requests_per_s: float = 50.0
    requests_burst: int = 300
    logins_per_min: float = 6.0
    logins_burst: int = 10
    logins_at_once: int = 2
    logins_waiting: int = 20
    changes_per_min: float = 60.0
    changes_burst: int = 120
    command_s: float = 30.0
    viewers: int = 100
    update_s: float = 1.0
    heartbeat_s: float = 15.0
    stalled_s: float = 10.0
    recheck_s: float = 30.0
    update_bytes: int = 9_000
    tick_late_s: float = 30.0

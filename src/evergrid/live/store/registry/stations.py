"""The stations that may connect, and what they must show: device, security profile, secret.

Passwords are made here and shown once. While one is being rotated both the old and the new one are
good, until the station has taken the new one (`use_next_secret`).
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.live.devices.adapter import Device
from evergrid.live.store import schema
from evergrid.live.store.key import STATION, new_password
from evergrid.live.store.store import Store

PROFILES = (0, 1, 2, 3)  # security profiles of OCPP; 0 has no secret at all
CERTIFICATE = 3


@dataclass(frozen=True)
class Station:
    """A station as it is registered.

    Attributes:
        device: What it is.
        security_profile: Of OCPP, 0 to 3; a lower one is refused.
        secret_hmac: Keyed hash of its password; "" where a certificate is needed.
        next_secret_hmac: Of the password that it is being given; "" for none.
        serial_number: That the name in its certificate must hold.
        blocked: Whether it is turned away.
        certificate: SHA-256 of the certificate that counts; "" for any that names the serial
            number.
        next_certificate: Of the one that takes its place once it is used; "" for none.
    """

    device: Device
    security_profile: int
    secret_hmac: str
    next_secret_hmac: str = ""
    serial_number: str = ""
    blocked: bool = False
    certificate: str = ""
    next_certificate: str = ""


@dataclass(frozen=True)
class Registration:
    """A station to register, and how it is to show who it is.

    Attributes:
        device: What it is.
        security_profile: Of OCPP, 0 to 3.
        serial_number: That the name in its certificate must hold; needed for profile 3.
        password: That it has already; one is made where None.
    """

    device: Device
    security_profile: int = 2
    serial_number: str = ""
    password: str | None = None


async def register(store: Store, stations: list[Registration]) -> dict[str, str]:
    """Register stations, in one commit; their passwords, which are not kept and not shown again.

    Raises:
        InputError: A record that breaks a rule, or a station that is there already; none is
            registered.
        StoreError: They could not be written.
    """
    raise_if_any("stations", [fault for one in stations for fault in _faults(one)])
    passwords = {one.device.station: _password(one) for one in stations}
    rows = [_values(store, one, passwords[one.device.station]) for one in stations]

    def write(connection: Connection) -> None:
        there = _there(connection, [one.device.station for one in stations])
        if there:
            fix = "Change its record, or remove it first."
            raise InputError("stations", [Fault("station", "be new", there, fix=fix)])
        connection.execute(insert(schema.stations), rows)

    if rows:
        await store.write(write)
    return {station: password for station, password in passwords.items() if password}


async def find(store: Store, station: str) -> Station | None:
    """One station; None where it is not registered."""
    query = select(schema.stations).where(schema.stations.c.station == station)

    def read(connection: Connection) -> Station | None:
        row = connection.execute(query).one_or_none()
        return None if row is None else _station(row)

    return await store.read(read)


async def every(store: Store) -> tuple[Station, ...]:
    """All stations, by their identities."""
    query = select(schema.stations).order_by(schema.stations.c.station)
    return await store.read(lambda c: tuple(_station(row) for row in c.execute(query)))


async def block(store: Store, station: str, blocked: bool = True) -> None:
    """Turn a station away from now on, or no longer.

    Raises:
        InputError: There is no such station.
    """
    await _change(store, station, {"blocked": blocked})


async def rotate(store: Store, station: str) -> str:
    """A new password for a station, which is good beside the old one until it is in use.

    Raises:
        InputError: There is no such station.
    """
    password = new_password()
    await set_next_secret(store, station, store.key.hashed(STATION, station, password))
    return password


async def set_next_secret(store: Store, station: str, secret_hmac: str) -> None:
    """A second secret is good beside the first one from now on.

    Raises:
        InputError: There is no such station.
    """
    await _change(store, station, {"next_secret_hmac": secret_hmac})


async def use_next_secret(store: Store, station: str) -> None:
    """The station has taken its new secret: the old one is no longer good.

    Raises:
        InputError: There is no such station, or it is being given no secret.
    """
    table = schema.stations

    def write(connection: Connection) -> None:
        statement = (
            update(table)
            .where(table.c.station == station, table.c.next_secret_hmac != "")
            .values(secret_hmac=table.c.next_secret_hmac, next_secret_hmac="")
        )
        if not connection.execute(statement).rowcount:
            rule = "name a station that is being given a secret"
            raise InputError("stations", [Fault("station", rule, (station,))])

    await store.write(write)


async def set_next_certificate(store: Store, station: str, fingerprint: str) -> None:
    """A second certificate is good beside the first one from now on; "" for none.

    Raises:
        InputError: There is no such station.
    """
    await _change(store, station, {"next_certificate": fingerprint})


async def use_next_certificate(store: Store, station: str) -> None:
    """The station has used its new certificate: no other one is good any more.

    Raises:
        InputError: There is no such station, or it was sent no certificate.
    """
    table = schema.stations

    def write(connection: Connection) -> None:
        statement = (
            update(table)
            .where(table.c.station == station, table.c.next_certificate != "")
            .values(certificate=table.c.next_certificate, next_certificate="")
        )
        if not connection.execute(statement).rowcount:
            rule = "name a station that was sent a certificate"
            raise InputError("stations", [Fault("station", rule, (station,))])

    await store.write(write)


async def forget_certificates(store: Store, station: str) -> None:
    """From now on any certificate that names the station's serial number is good again.

    Raises:
        InputError: There is no such station.
    """
    await _change(store, station, {"certificate": "", "next_certificate": ""})


async def raise_profile(store: Store, station: str, security_profile: int) -> None:
    """From now on a station is accepted on this security profile only.

    Raises:
        InputError: There is no such station or profile, or it is below the one it has.
    """
    there = await find(store, station)
    if there is not None and security_profile < there.security_profile:
        rule = f"not be below {there.security_profile}, which it has"
        raise InputError("stations", [Fault("security_profile", rule, (security_profile,))])
    await _change(store, station, {"security_profile": security_profile})


async def remove(store: Store, station: str) -> None:
    """Forget a station; what the log says of it stays.

    Raises:
        InputError: There is no such station.
    """

    def write(connection: Connection) -> None:
        statement = delete(schema.stations).where(schema.stations.c.station == station)
        _needed(connection.execute(statement).rowcount, station)

    await store.write(write)


async def _change(store: Store, station: str, values: dict[str, Any]) -> None:
    def write(connection: Connection) -> None:
        statement = update(schema.stations).where(schema.stations.c.station == station)
        _needed(connection.execute(statement.values(**values)).rowcount, station)

    await store.write(write)


def _needed(count: int, station: str) -> None:
    if not count:
        raise InputError("stations", [Fault("station", "be registered", (station,))])


def _there(connection: Connection, names: list[str]) -> tuple[str, ...]:
    """Which of the names are registered, or named twice."""
    known = set(connection.execute(select(schema.stations.c.station)).scalars())
    found = []
    for name in names:
        if name in known:
            found.append(name)
        known.add(name)
    return tuple(found)


def _password(one: Registration) -> str:
    """Its password; "" where it shows a certificate, or nothing."""
    if one.security_profile in (0, CERTIFICATE):
        return ""
    return new_password() if one.password is None else one.password


def _faults(one: Registration) -> list[Fault]:
    device, name = one.device, (one.device.station,)
    faults = []
    if not 0 < len(device.station) <= 48:
        faults.append(Fault("station", "have 1 to 48 characters", name))
    if one.security_profile not in PROFILES:
        faults.append(Fault("security_profile", "be 0 to 3", (one.security_profile,), name))
    if one.security_profile == CERTIFICATE and not one.serial_number:
        rule = "be given where a certificate is to name it (security profile 3)"
        faults.append(Fault("serial_number", rule, ids=name))
    if one.password is not None and len(one.password) < 20:
        fix = "Leave it out, and one is made that cannot be guessed."
        faults.append(Fault("password", "have 20 characters or more", ids=name, fix=fix))
    return faults


def _values(store: Store, one: Registration, password: str) -> dict[str, Any]:
    device = one.device
    hashed = store.key.hashed(STATION, device.station, password) if password else ""
    return {
        "station": device.station,
        "site": device.site,
        "charge_kw": device.charge_kw,
        "discharge_kw": device.discharge_kw,
        "voltage_v": device.voltage_v,
        "phases": device.phases,
        "security_profile": one.security_profile,
        "secret_hmac": hashed,
        "next_secret_hmac": "",
        "serial_number": one.serial_number,
        "blocked": False,
        "labels": json.dumps(device.labels),
        "certificate": "",
        "next_certificate": "",
    }


def _station(row: Any) -> Station:
    device = Device(
        row.station,
        row.site,
        row.charge_kw,
        row.discharge_kw,
        row.voltage_v,
        row.phases,
        json.loads(row.labels),
    )
    return Station(
        device,
        row.security_profile,
        row.secret_hmac,
        row.next_secret_hmac,
        row.serial_number,
        row.blocked,
        row.certificate,
        row.next_certificate,
    )

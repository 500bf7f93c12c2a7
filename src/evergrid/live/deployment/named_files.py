"""Would a service start with the files that its configuration names? Each is opened and checked."""

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography import x509

from evergrid.core.errors import ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.data.files.locate import locate
from evergrid.live.config import Config
from evergrid.live.deployment import certificates, listening, stores

Check = Callable[[], object]


def check(config: Config, folder: Path, now_s: float) -> None:
    """Open every file that a configuration names, and write nothing.

    Keys and certificates are read as a start would read them, tables only looked for.

    Args:
        config: Of the service.
        folder: What relative paths start from.
        now_s: To see which certificates are good today, UTC seconds since 1970.

    Raises:
        ConfigError: With every fault found.
    """
    faults = list[Fault]()
    for one in (*_of_the_service(config, folder, now_s), *_of_its_sources(config, folder)):
        try:
            one()
        except InputError as error:
            faults += error.faults
    for field, path in _tables(config, folder):
        if not path.exists():
            fix = "Put the file there, or correct the path."
            faults.append(Fault(field, "be a file that is there", (str(path),), fix=fix))
    if faults:
        raise ConfigError("config", faults)


def _of_the_service(config: Config, folder: Path, now_s: float) -> Iterator[Check]:
    yield lambda: _server_certificate(config, folder, now_s)
    yield lambda: certificates.authority(config, folder, now_s)
    yield lambda: stores.place(config, folder)
    if config.store_ca_file is not None:
        yield lambda: listening.authorities("store_ca_file", config.store_ca_file, folder)


def _of_its_sources(config: Config, folder: Path) -> Iterator[Check]:
    signal = config.signal
    brokers = (config.gateways.nats, signal and signal.mqtt, signal and signal.nats)
    for broker in brokers:
        if broker is not None:
            yield lambda broker=broker: (broker.context(folder), broker.password(folder))
    if signal is not None and (control_centre := signal.iec104) is not None:
        from evergrid.live.signals.iec104 import station

        yield lambda: station.tls(control_centre, folder)
    if config.battery:
        from evergrid.live.sunspec import link

        for battery in config.battery:
            yield lambda battery=battery: link.tls(battery, folder)
    yield lambda: listening.authorities("prices.ca_file", config.prices.ca_file, folder)
    for program in config.openadr:
        name = f"openadr.ca_file of {program.program_id}"
        yield lambda name=name, program=program: listening.authorities(
            name, program.ca_file, folder
        )


def _server_certificate(config: Config, folder: Path, now_s: float) -> None:
    """TLS as a start would make it; and a certificate that has ended, with which it would start."""
    listening.tls(config.listen, folder)
    named = listening.files(config.listen, folder)
    if named is None:
        return
    first = x509.load_pem_x509_certificates(named.certificate.read_bytes())[0]
    begin, end = first.not_valid_before_utc, first.not_valid_after_utc
    if not begin <= datetime.datetime.fromtimestamp(now_s, datetime.UTC) < end:
        got = (f"{begin:%Y-%m-%d} to {end:%Y-%m-%d}",)
        fix = "Have it renewed: stations and browsers refuse it."
        fault = Fault("listen.certificate_file", "be good today", got, fix=fix)
        raise InputError("config", [fault])


def _tables(config: Config, folder: Path) -> Iterator[tuple[str, Path]]:
    """Tables and secrets, by key, that must be there when the service starts."""
    if config.prices.url is None:
        yield "prices.file", locate(config.prices.file, folder)
    if config.signal is not None and config.signal.file is not None:
        yield "signal.file", locate(config.signal.file, folder)
    if config.grid_strength is not None:
        yield "grid_strength.file", locate(config.grid_strength.file, folder)
    for program in config.openadr:
        if program.secret_file is not None:
            yield "openadr.secret_file", folder / program.secret_file

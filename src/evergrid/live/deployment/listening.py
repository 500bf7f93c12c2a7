"""Where stations connect, as a configuration says, for the service itself and for gateways."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.data.files.locate import locate
from evergrid.live.config import Config, Listen
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.admission.tls import server_context


@dataclass(frozen=True)
class ListenFiles:
    """The files of TLS that a configuration names.

    Attributes:
        certificate: Of the server, with its chain.
        key: Its key.
        station_authorities: That sign certificates of stations; None where none is named.
    """

    certificate: Path
    key: Path
    station_authorities: Path | None


def ocpp_settings(config: Config) -> Settings:
    """Bounds and intervals of the central system."""
    return Settings(
        meter_interval_s=config.control.meter_s,
        reactive_power=config.grid_strength is not None,
    )


def files(listen: Listen, folder: Path) -> ListenFiles | None:
    """Where the files of TLS are; None where connections are not encrypted.

    Args:
        listen: As configured.
        folder: What relative paths start from.
    """
    if listen.certificate_file is None or listen.key_file is None:
        return None
    authorities = listen.station_ca_file
    return ListenFiles(
        locate(listen.certificate_file, folder),
        locate(listen.key_file, folder),
        None if authorities is None else locate(authorities, folder),
    )


def tls(listen: Listen, folder: Path) -> ssl.SSLContext | None:
    """TLS of the server; a station's certificate is asked for where an authority is named.

    Args:
        listen: As configured.
        folder: What relative paths start from.

    Raises:
        InputError: A file cannot be read, or does not hold what it should.
    """
    named = files(listen, folder)
    if named is None:
        return None
    authorities("listen.station_ca_file", listen.station_ca_file, folder)
    try:
        return server_context(
            named.certificate, named.key, station_authorities=named.station_authorities
        )
    except OSError as error:
        fix = "Give the chain as certificate_file and its key, without a password, as key_file."
        rule = f"be a certificate in PEM with its key: {_reason(error)}"
        got = (str(named.certificate), str(named.key))
        fault = Fault("listen.certificate_file", rule, got, fix=fix)
        raise InputError("config", [fault]) from error


def authorities(field: str, named: str | None, folder: Path) -> None:
    """Read certificates of authorities, as a connection that trusts them would.

    Raises:
        InputError: The file cannot be read, or holds no such certificate.
    """
    if named is None:
        return
    place = locate(named, folder)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(place)
    except OSError as error:
        rule = f"be certificates of authorities in PEM: {_reason(error)}"
        raise InputError("config", [Fault(field, rule, (str(place),))]) from error


def _reason(error: OSError) -> str:
    """What is wrong, as OpenSSL or the system says it."""
    return (getattr(error, "reason", None) or error.strerror or str(error)).replace("_", " ")

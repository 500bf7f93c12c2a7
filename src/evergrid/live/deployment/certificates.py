"""Who signs certificates of stations, as a configuration says."""

from pathlib import Path

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.data.files.locate import locate
from evergrid.live.clock import AbstractClock
from evergrid.live.config import Config
from evergrid.live.ocpp.admission.authority import Authority
from evergrid.live.registers.certificate_issuer import CertificateIssuer
from evergrid.live.registers.credentials import StoreCredentials
from evergrid.live.store.entry import AbstractLog


def issuer(
    config: Config,
    folder: Path,
    credentials: StoreCredentials,
    log: AbstractLog,
    clock: AbstractClock,
) -> CertificateIssuer | None:
    """The issuer of a service; None where no authority is configured.

    Raises:
        InputError: Its files are no authority, or one that stations' connections do not trust.
        MissingFileError: A file is not there.
    """
    found = authority(config, folder, clock.now_s())
    return None if found is None else CertificateIssuer(found, credentials, log, clock)


def authority(config: Config, folder: Path, now_s: float) -> Authority | None:
    """The authority of a configuration; None where there is none.

    Args:
        config: That names its files.
        folder: What relative paths start from.
        now_s: To see whether it is good today, UTC seconds since 1970.

    Raises:
        InputError: Its files are no authority, or one that stations' connections do not trust.
        MissingFileError: A file is not there.
    """
    entry = config.certificate_authority
    if entry is None:
        return None
    found = Authority(
        locate(entry.certificate_file, folder),
        locate(entry.key_file, folder),
        organisation=entry.organisation,
        valid_days=entry.valid_days,
        now_s=now_s,
    )
    trusted = config.listen.station_ca_file
    if trusted is None or not found.trusted_by(locate(trusted, folder)):
        fix = "Add the authority's certificate to it, or that of its root."
        rule = "hold the authority that signs, or nobody could connect with what it signs"
        got = () if trusted is None else (trusted,)
        raise InputError("config", [Fault("listen.station_ca_file", rule, got, fix=fix)])
    return found

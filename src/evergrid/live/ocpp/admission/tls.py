"""How are connections of security profiles 2 and 3 encrypted, and whose certificates count?"""

import ssl
from pathlib import Path

from evergrid.live import own_certificate


def server_context(
    certificate: Path,
    key: Path,
    *,
    station_authorities: Path | None = None,
    revoked: Path | None = None,
) -> ssl.SSLContext:
    """TLS 1.2 or later for a listener.

    A station may show a certificate (profile 3) or none (profile 2); one that is shown must be
    valid, or the connection ends before anything is said.

    Args:
        certificate: Chain of the service, PEM.
        key: Of the certificate, PEM.
        station_authorities: That sign stations' certificates, PEM; None to take none.
        revoked: List of revoked certificates of these authorities, PEM.

    Raises:
        OSError: A file cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    own_certificate.load(context, certificate, key)
    if station_authorities is not None:
        context.load_verify_locations(station_authorities)
        context.verify_mode = ssl.CERT_OPTIONAL
    if revoked is not None:
        context.load_verify_locations(revoked)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context

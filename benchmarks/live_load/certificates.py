"""Certificates for a service and its stations, for as long as a benchmark runs."""

import ssl
from pathlib import Path

import trustme

from benchmarks.live_ocpp.handler import SERIAL_NUMBER
from evergrid.live.ocpp.admission.tls import server_context


def made(folder: Path, *, stations: bool) -> tuple[ssl.SSLContext, str, str]:
    """TLS of the service, the file of its authority, and that of the stations' certificate.

    The last is "" where stations show a secret instead. All stations share one certificate.
    """
    authority, theirs = trustme.CA(), trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    chain, key, names = folder / "chain.pem", folder / "key.pem", folder / "authority.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    authority.cert_pem.write_to_path(names)
    if not stations:
        return server_context(chain, key), str(names), ""
    theirs_file, shown = folder / "stations.pem", folder / "station.pem"
    theirs.cert_pem.write_to_path(theirs_file)
    theirs.issue_cert("cp", common_name=SERIAL_NUMBER).private_key_and_cert_chain_pem.write_to_path(
        shown
    )
    context = server_context(chain, key, station_authorities=theirs_file)
    return context, str(names), str(shown)

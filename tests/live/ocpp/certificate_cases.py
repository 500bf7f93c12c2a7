"""An authority for certificates of stations, and requests that stations send, good and bad."""

import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.UTC)
CN, ORG = NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME
PartOfName = tuple[x509.ObjectIdentifier, str]


def name(*parts: PartOfName) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def csr(
    *parts: PartOfName,
    key: Any = None,
    algorithm: Any = None,
    asks: tuple[x509.ExtensionType, ...] = (),
) -> str:
    """A certificate request, PEM; of an elliptic curve where no key is given."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(*parts))
    for extension in asks:
        builder = builder.add_extension(extension, critical=False)
    key = key or ec.generate_private_key(ec.SECP256R1())
    return builder.sign(key, algorithm or hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def pem_of(key: Any) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def authority(
    folder: Path,
    *,
    days: float = 30.0,
    before: float = 90.0,
    is_authority: bool = True,
    key: Any = None,
    of: Any = None,
) -> tuple[Path, Path]:
    """Files of a new authority, signed by itself: certificate and key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    made = (
        x509.CertificateBuilder()
        .subject_name(name((CN, "Stations of tests")))
        .issuer_name(name((CN, "Stations of tests")))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - datetime.timedelta(days=before))
        .not_valid_after(NOW + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "ca.pem", folder / "ca.key"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].touch(mode=0o600)
    files[1].write_bytes(pem_of(of or key))
    return files


def small_rsa() -> Any:
    return rsa.generate_private_key(65_537, 1024)

"""Which certificate does a station get for its request, and which requests are turned down?

A request (PKCS #10, RFC 2986) is signed by the station's new key. What is issued repeats its name
and its key alone; whatever else it asks for is left out or turned down.

Source:
    OCPP 2.0.1 and 2.1, part 2: A00 (certificate properties), A02 and A03 (new certificates).
"""

import datetime
import os
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault

REQUEST = re.compile(
    r"\s*-----BEGIN CERTIFICATE REQUEST-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE REQUEST-----\s*"
)
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
NAME = re.compile(r"[\x20-\x7e]{1,64}")  # X.520 takes 64 characters; a NUL or a look-alike is none
ONCE_EACH = frozenset(
    {
        NameOID.COMMON_NAME,
        NameOID.ORGANIZATION_NAME,
        NameOID.ORGANIZATIONAL_UNIT_NAME,
        NameOID.COUNTRY_NAME,
        NameOID.STATE_OR_PROVINCE_NAME,
        NameOID.LOCALITY_NAME,
    }
)
HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
RSA_BITS, RSA_EXPONENT = range(2048, 4097), 65_537  # OCPP: 112 bits of security or more
LONGEST_CHAIN = 10_000  # characters; OCPP, CertificateSigned
SLOW_CLOCK = datetime.timedelta(hours=1)  # a station waits for the begin of its certificate
OTHERS = stat.S_IRWXG | stat.S_IRWXO
Key = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
NamedBy = Callable[[str], Sequence[str]]
"""Stations whose serial number the name of a certificate holds."""


class CsrError(Exception):
    """A request is turned down.

    Args:
        rule: Which it breaks, in a few words.
        got: What was found.
    """

    def __init__(self, rule: str, got: str = "") -> None:
        super().__init__(f"{rule}: {got}" if got else rule)
        self.rule, self.got = rule, got[:100]


@dataclass(frozen=True)
class StationCertificate:
    """A certificate that was signed for a station.

    Attributes:
        chain: PEM, the station's own first, then those between it and the root.
        fingerprint: SHA-256 of the station's own, hexadecimal.
        common_name: That it names.
        serial_number: That the authority gave it, hexadecimal.
        until_s: UTC seconds since 1970, when it ends.
    """

    chain: str
    fingerprint: str
    common_name: str
    serial_number: str
    until_s: float


@final
class Authority:
    """Signs certificates of stations.

    Args:
        certificate_file: Of the authority, PEM, with those between it and the root after it.
        key_file: Of the certificate, PEM without a password, for its owner alone.
        organisation: That requests must name; "" for any.
        valid_days: For which a certificate is good; never beyond the authority's own.
        now_s: Of the service, to see whether the authority is good today.

    Raises:
        InputError: A file that cannot be read or that others may read, no authority, one that has
            ended, or a key of another.
    """

    def __init__(
        self,
        certificate_file: Path,
        key_file: Path,
        *,
        organisation: str = "",
        valid_days: int = 365,
        now_s: float,
    ) -> None:
        self._organisation, self._valid = organisation, datetime.timedelta(days=valid_days)
        self._chain = chain = _certificates(certificate_file)
        self.certificate = chain[0]
        self._key = _private_key(key_file)
        between = [one for one in chain if one.subject != one.issuer]  # stations have the root
        self._between = "".join(_pem(one) for one in between)
        faults = self._faults(_moment(now_s))
        if faults:
            raise InputError("certificate_authority", faults)

    def _faults(self, now: datetime.datetime) -> list[Fault]:
        own, faults = self.certificate, []
        if not _is_authority(own):
            rule = "be that of an authority, which may sign (CA:TRUE, keyCertSign)"
            faults.append(Fault("certificate_file", rule, (own.subject.rfc4514_string(),)))
        if not own.not_valid_before_utc <= now < own.not_valid_after_utc:
            got = (f"{own.not_valid_before_utc:%Y-%m-%d} to {own.not_valid_after_utc:%Y-%m-%d}",)
            faults.append(Fault("certificate_file", "be good today", got))
        if _key_bytes(own.public_key()) != _key_bytes(self._key.public_key()):
            faults.append(Fault("key_file", "hold the key of certificate_file"))
        if len(self._between) > LONGEST_CHAIN // 2:
            rule = f"have at most {LONGEST_CHAIN // 2} characters between station and root"
            faults.append(Fault("certificate_file", rule, (len(self._between),)))
        return faults

    def trusted_by(self, file: Path) -> bool:
        """Whether who trusts the certificates of a file (PEM) trusts what is signed here.

        Raises:
            InputError: It holds no certificate.
        """
        roots = _certificates(file)
        return any(_issued(one, root) for one in self._chain for root in roots)

    def sign(
        self, csr: str, serial_number: str, named_by: NamedBy, now_s: float
    ) -> StationCertificate:
        """The certificate for a request of the station of a serial number.

        Args:
            csr: PEM.
            serial_number: That the name in it must hold.
            named_by: Says whom else that name would name.
            now_s: UTC seconds since 1970.

        Raises:
            CsrError: The request breaks a rule, or the authority has ended.
        """
        request = checked(csr, serial_number, self._organisation)
        key, now = request.public_key(), _moment(now_s)
        if len(named_by(name := common_name(request.subject))) > 1:
            raise CsrError("the common name must hold no other station's serial number", name)
        if _key_bytes(key) == _key_bytes(self.certificate.public_key()):
            raise CsrError("the key must be the station's own")
        until = min(now + self._valid, self.certificate.not_valid_after_utc)
        if until <= now:
            raise CsrError("the authority's certificate must be good today")
        number = x509.random_serial_number()
        is_rsa = isinstance(key, rsa.RSAPublicKey)
        usage = x509.KeyUsage(
            True, False, is_rsa, False, False, False, False, False, False
        )  # signs; encrypts keys where it is RSA
        begin = max(now - SLOW_CLOCK, self.certificate.not_valid_before_utc)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(_key_of(self.certificate))
        made = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(number)
            .not_valid_before(begin)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(authority, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return StationCertificate(
            _pem(made) + self._between,
            made.fingerprint(hashes.SHA256()).hex(),
            common_name(request.subject),
            f"{number:x}",
            until.timestamp(),
        )


def checked(csr: str, serial_number: str, organisation: str = "") -> x509.CertificateSigningRequest:
    """A request that keeps every rule.

    Args:
        csr: PEM.
        serial_number: That its name must hold as a whole word.
        organisation: That it must name; "" for any.

    Raises:
        CsrError: It breaks one.
    """
    if not REQUEST.fullmatch(csr):
        raise CsrError("it must be one certificate request in PEM", csr[:40])
    try:
        request = x509.load_pem_x509_csr(csr.encode())
        key = request.public_key()
        _check_key(key)  # before a signature is checked with it, which a huge key makes slow
        algorithm, good = request.signature_hash_algorithm, request.is_signature_valid
        subject, extensions = request.subject, request.extensions
    except (
        ValueError,
        TypeError,
        UnsupportedAlgorithm,
        InvalidSignature,
        x509.ExtensionNotFound,
    ) as error:
        raise CsrError("it must be readable", str(error)) from error
    if not isinstance(algorithm, HASHES):
        name = "none" if algorithm is None else algorithm.name
        raise CsrError("it must be signed over SHA-256, SHA-384 or SHA-512", name)
    if not good:
        raise CsrError("its signature must be that of its key")
    _check_subject(subject, serial_number, organisation)
    _check_extensions(extensions, common_name(subject))
    return request


def holds(name: str, serial_number: str) -> bool:
    """Whether the name of a certificate holds a serial number as a whole word.

    One serial number may be the begin of another.
    """
    if not serial_number or serial_number not in name:
        return False
    word = rf"(?<![A-Za-z0-9]){re.escape(serial_number)}(?![A-Za-z0-9])"
    return re.search(word, name) is not None


def common_name(subject: x509.Name) -> str:
    """The only common name of a subject; "" where there is none, or more."""
    found = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if len(found) == 1 else ""


def _check_key(key: object) -> None:
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in RSA_BITS or key.public_numbers().e != RSA_EXPONENT:
            rule = f"an RSA key must have 2048 to 4096 bits, and the exponent {RSA_EXPONENT}"
            raise CsrError(rule, f"{key.key_size} bits")
    elif not isinstance(key, ec.EllipticCurvePublicKey):
        raise CsrError("the key must be of RSA or of an elliptic curve", type(key).__name__)
    elif not isinstance(key.curve, CURVES):
        raise CsrError("the curve must be secp256r1, secp384r1 or secp521r1", key.curve.name)


def _check_subject(subject: x509.Name, serial_number: str, organisation: str) -> None:
    seen = [attribute.oid for attribute in subject]
    names = subject.rfc4514_string()
    if len(set(seen)) != len(seen) or len(seen) != len(subject.rdns):
        raise CsrError("each part of the name must be there once, on its own", names)
    if not ONCE_EACH.issuperset(seen):
        raise CsrError("the name must have no parts but CN, O, OU, C, ST and L", names)
    if any(not isinstance(one.value, str) or not NAME.fullmatch(one.value) for one in subject):
        raise CsrError("each part of the name must be 1 to 64 printable characters of ASCII", names)
    name = common_name(subject)
    if not serial_number:
        raise CsrError("a serial number must be registered for the station", name)
    if not holds(name, serial_number):
        raise CsrError("the common name must hold the station's serial number", name)
    of = [one.value for one in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    if organisation and of != [organisation]:
        raise CsrError(f"the organisation must be {organisation}", names)


def _check_extensions(asked: x509.Extensions, name: str) -> None:
    """Nothing that is asked for is given; what would make it another's is turned down."""
    for one in asked:
        value = one.value
        if isinstance(value, x509.BasicConstraints) and value.ca:
            raise CsrError("it must ask for no right to sign others")
        if isinstance(value, x509.KeyUsage) and (value.key_cert_sign or value.crl_sign):
            raise CsrError("it must ask for no right to sign others")
        if isinstance(value, x509.SubjectAlternativeName) and any(
            not isinstance(other, x509.DNSName) or other.value != name for other in value
        ):
            raise CsrError("it must ask for no other name", str(list(value)))


def _certificates(file: Path) -> Sequence[x509.Certificate]:
    blocks = CERTIFICATE.findall(_read(file, "certificate_file"))
    try:
        found = [x509.load_pem_x509_certificate(block) for block in blocks]
    except ValueError as error:
        raise _file_error("certificate_file", file, f"can be read: {error}") from error
    if not found:
        raise _file_error("certificate_file", file, "holds a certificate in PEM")
    return found


def _private_key(file: Path) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    data = _read(file, "key_file")
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & OTHERS:
        fix = f"chmod 600 {file.name}"
        rule = "be for its owner alone, as whoever has it is any station"
        raise InputError("certificate_authority", [Fault("key_file", rule, (file.name,), fix=fix)])
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        rule = f"holds a key in PEM without a password: {error}"
        raise _file_error("key_file", file, rule) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise _file_error("key_file", file, "holds a key of RSA or of an elliptic curve")
    return key


def _read(file: Path, field: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise _file_error(field, file, f"can be read: {error.strerror}") from None


def _file_error(field: str, file: Path, rule: str) -> InputError:
    fault = Fault(field, f"be a file that {rule}", (file.name,))
    return InputError("certificate_authority", [fault])


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return basic.ca
    return basic.ca and usage.key_cert_sign


def _issued(one: x509.Certificate, root: x509.Certificate) -> bool:
    """Whether a certificate is a root, or issued by it."""
    if one == root:
        return True
    try:
        one.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _key_of(certificate: x509.Certificate) -> Key:
    key = certificate.public_key()
    assert isinstance(key, Key), "the authority's key was read as one of these"
    return key


def _key_bytes(key: object) -> bytes:
    assert hasattr(key, "public_bytes"), "a public key"
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # pyright: ignore[reportAttributeAccessIssue]


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _moment(now_s: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(now_s, datetime.UTC)

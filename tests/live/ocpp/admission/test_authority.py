"""What is signed for a station, and which requests and authorities are turned down."""

import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from evergrid.core.errors import InputError
from evergrid.live.ocpp.admission.authority import Authority, CsrError, holds
from tests.live.ocpp.certificate_cases import CN, NOW, ORG, authority, csr, name, pem_of, small_rsa

NOW_S = NOW.timestamp()
SUBJECT = ((CN, "Depot SN1"), (ORG, "Depot"))
RSA_2048 = rsa.generate_private_key(65_537, 2048)
ALL_KEYS = x509.KeyUsage(True, False, False, False, False, True, True, False, False)


def signing(folder: Path, **more: Any) -> Authority:
    return Authority(*authority(folder), now_s=NOW_S, **more)


def alone(common_name: str) -> list[str]:
    return ["cp-1"]


@pytest.mark.parametrize("key", [None, RSA_2048])
def test_a_certificate_repeats_name_and_key_and_is_good_for_logging_in_alone(
    tmp_path: Path, key: Any
):
    one = signing(tmp_path, organisation="Depot", valid_days=10)
    asked = csr(
        *SUBJECT, key=key, asks=(x509.SubjectAlternativeName([x509.DNSName(SUBJECT[0][1])]),)
    )
    made = one.sign(asked, "SN1", alone, NOW_S)
    (found,) = x509.load_pem_x509_certificates(made.chain.encode())  # stations have the root
    found.verify_directly_issued_by(one.certificate)
    assert found.public_key() == x509.load_pem_x509_csr(asked.encode()).public_key()
    assert found.subject == name(*SUBJECT)
    assert found.fingerprint(hashes.SHA256()).hex() == made.fingerprint
    lasts = found.not_valid_after_utc - NOW
    assert abs(lasts - datetime.timedelta(days=10)) < datetime.timedelta(seconds=2)
    assert found.not_valid_before_utc < NOW
    told = found.extensions
    assert not told.get_extension_for_class(x509.BasicConstraints).value.ca
    uses = told.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not told.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    with pytest.raises(x509.ExtensionNotFound):
        told.get_extension_for_class(x509.SubjectAlternativeName)


def test_no_certificate_outlasts_its_authority(tmp_path: Path):
    one = Authority(*authority(tmp_path, days=3.0), now_s=NOW_S)
    made = one.sign(csr(*SUBJECT), "SN1", alone, NOW_S)
    assert made.until_s == one.certificate.not_valid_after_utc.timestamp()
    with pytest.raises(CsrError, match="authority's certificate must be good today"):
        one.sign(csr(*SUBJECT), "SN1", alone, NOW_S + 4 * 86_400.0)


def tampered() -> str:
    """The signature is of another key."""
    first, second = csr((CN, "SN1")).splitlines(), csr((CN, "SN1")).splitlines()
    return "\n".join([*first[:-2], second[-2], first[-1]])


BAD = [
    ("", "one certificate request in PEM"),
    ("MIIB", "one certificate request in PEM"),
    (csr((CN, "SN1")) * 2, "one certificate request in PEM"),
    (csr((CN, "SN1")).replace("M", "N", 3), "must be readable|signature"),
    (tampered(), "signature|readable"),
    (csr((CN, "SN2")), "hold the station's serial number"),
    (csr((CN, "SN12")), "hold the station's serial number"),
    (csr((ORG, "SN1")), "hold the station's serial number"),
    (csr((CN, "SN1"), (CN, "SN2")), "there once"),
    (csr((CN, "SN1"), (NameOID.EMAIL_ADDRESS, "a@b.example")), "no parts but"),
    (csr((CN, "SN1"), (NameOID.USER_ID, "cp-2")), "no parts but"),
    (csr((CN, "SN1\u0430")), "printable characters of ASCII"),
    (csr((CN, "SN1\0SN2")), "printable characters of ASCII"),
    (csr((CN, "SN1"), key=small_rsa()), "2048 to 4096 bits"),
    (csr((CN, "SN1"), key=ec.generate_private_key(ec.SECP224R1())), "the curve must be"),
    (csr((CN, "SN1"), key=dsa.generate_private_key(1024)), "of RSA or of an elliptic curve"),
    (
        csr((CN, "SN1"), asks=(x509.BasicConstraints(ca=True, path_length=None),)),
        "no right to sign others",
    ),
    (csr((CN, "SN1"), asks=(ALL_KEYS,)), "no right to sign others"),
    (
        csr((CN, "SN1"), asks=(x509.SubjectAlternativeName([x509.DNSName("SN2")]),)),
        "ask for no other name",
    ),
    (
        csr((CN, "SN1"), asks=(x509.SubjectAlternativeName([x509.RFC822Name("a@b.example")]),)),
        "ask for no other name",
    ),
]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return signing(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize(("asked", "rule"), BAD, ids=range(len(BAD)))  # keys are drawn
def test_a_request_that_breaks_a_rule_is_turned_down(one: Authority, asked: str, rule: str):
    with pytest.raises(CsrError, match=rule):
        one.sign(asked, "SN1", alone, NOW_S)


def test_a_request_without_a_hash_or_with_an_old_one_is_turned_down(one: Authority):
    builder = x509.CertificateSigningRequestBuilder().subject_name(name((CN, "SN1")))
    made = builder.sign(ed25519.Ed25519PrivateKey.generate(), None)
    with pytest.raises(CsrError, match="of RSA or of an elliptic curve"):
        one.sign(made.public_bytes(Encoding.PEM).decode(), "SN1", alone, NOW_S)
    weak = csr((CN, "SN1"), algorithm=hashes.SHA224())
    with pytest.raises(CsrError, match="SHA-256"):
        one.sign(weak, "SN1", alone, NOW_S)


def test_a_name_that_names_two_stations_or_nobody_registered_is_turned_down(one: Authority):
    with pytest.raises(CsrError, match="no other station's serial number"):
        one.sign(csr((CN, "SN1 SN2")), "SN1", lambda name: ["cp-1", "cp-2"], NOW_S)
    with pytest.raises(CsrError, match="serial number must be registered"):
        one.sign(csr((CN, "SN1")), "", lambda name: [], NOW_S)


def test_the_organisation_must_be_the_configured_one(tmp_path: Path):
    one = signing(tmp_path, organisation="Depot")
    for parts in (((CN, "SN1"),), ((CN, "SN1"), (ORG, "Depot 2"))):
        with pytest.raises(CsrError, match="organisation must be Depot"):
            one.sign(csr(*parts), "SN1", alone, NOW_S)


def test_the_authoritys_own_key_is_no_stations(tmp_path: Path):
    key = ec.generate_private_key(ec.SECP256R1())
    one = Authority(*authority(tmp_path, key=key), now_s=NOW_S)
    with pytest.raises(CsrError, match="the station's own"):
        one.sign(csr((CN, "SN1"), key=key), "SN1", alone, NOW_S)


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        ({"days": -1.0}, "be good today"),
        ({"is_authority": False}, "be that of an authority"),
        ({"of": ec.generate_private_key(ec.SECP256R1())}, "hold the key of certificate_file"),
    ],
)
def test_files_that_make_no_authority_are_refused(tmp_path: Path, made: dict[str, Any], rule: str):
    with pytest.raises(InputError, match=rule):
        Authority(*authority(tmp_path, **made), now_s=NOW_S)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path):
    certificate, key = authority(tmp_path)
    key.chmod(0o640)
    with pytest.raises(InputError, match=r"(?s)owner alone.*chmod 600 ca\.key"):
        Authority(certificate, key, now_s=NOW_S)
    key.chmod(0o600)
    key.write_text("nothing")
    with pytest.raises(InputError, match="key in PEM without a password"):
        Authority(certificate, key, now_s=NOW_S)
    key.write_bytes(pem_of(ed25519.Ed25519PrivateKey.generate()))
    with pytest.raises(InputError, match="key of RSA or of an elliptic curve"):
        Authority(certificate, key, now_s=NOW_S)
    certificate.write_text("")
    with pytest.raises(InputError, match="holds a certificate in PEM"):
        Authority(certificate, key, now_s=NOW_S)
    with pytest.raises(InputError, match="can be read"):
        Authority(tmp_path / "none.pem", key, now_s=NOW_S)


@pytest.mark.parametrize(
    ("common_name", "serial", "holding"),
    [
        ("SN1", "SN1", True),
        ("Depot - SN1", "SN1", True),
        ("SN12", "SN1", False),
        ("SN1", "", False),
    ],
)
def test_a_serial_number_is_held_as_a_whole_word(common_name: str, serial: str, holding: bool):
    assert holds(common_name, serial) == holding

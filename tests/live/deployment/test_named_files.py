"""A dry run opens the files of TLS that a configuration names, and says what is wrong with each."""

import datetime
import ssl
import time
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from evergrid.core import config as config_file
from evergrid.core.errors import InputError
from evergrid.live.config import Config
from evergrid.live.deployment import listening, named_files
from evergrid.live.ocpp.admission.tls import server_context

SERVICE = """
[listen]
certificate_file = "tls/server.pem"
key_file = "tls/server.key"
station_ca_file = "tls/stations.pem"

[[site]]
site_id = "depot"

[prices]
file = "prices.csv"
"""
BATTERY = """
[[battery]]
station = "b"
site = "depot"
capacity_kwh = 10.0
charge_kw = 5.0
discharge_kw = 5.0
host = "127.0.0.1"
ca_file = "tls/server.key"
"""
BROKER = "[signal.nats]\nhost = '127.0.0.1'\nsubject = 'a'\ntls = true\nca_file = 'tls/none.pem'\n"
AUTHORITY = "[certificate_authority]\ncertificate_file = 'ca.pem'\nkey_file = 'ca.key'\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration whose files are all there and right."""
    made, stations = trustme.CA(), trustme.CA()
    tls = tmp_path / "tls"
    tls.mkdir()
    issued = made.issue_cert("localhost")
    (tls / "server.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    (tls / "server.key").write_bytes(issued.private_key_pem.bytes())
    stations.cert_pem.write_to_path(tls / "stations.pem")
    (tmp_path / "prices.csv").write_text("time_utc,import_price_per_mwh,export_price_per_mwh\n")
    (tmp_path / "service.toml").write_text(SERVICE)
    return tmp_path


def test_all_files_are_opened_from_wherever_it_is_called(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir("/")
    named_files.check(_config(folder), folder, time.time())
    assert listening.tls(_config(folder).listen, folder) is not None
    assert sorted(path.name for path in folder.iterdir()) == ["prices.csv", "service.toml", "tls"]


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        pytest.param("server.pem", None, "listen.certificate_file", id="no_certificate"),
        pytest.param("server.key", None, "No such file", id="no_key"),
        pytest.param("server.pem", "nothing", "listen.certificate_file", id="no_pem"),
        pytest.param("stations.pem", None, "listen.station_ca_file", id="no_authority"),
        pytest.param("stations.pem", "nothing", "listen.station_ca_file", id="authority_no_pem"),
        pytest.param("prices.csv", None, "prices.file", id="no_prices"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_told_by_key(
    folder: Path, file: str, content: str | None, told: str
):
    place = folder / file if file == "prices.csv" else folder / "tls" / file
    if content is None:
        place.unlink()
    else:
        place.write_text(content)
    with pytest.raises(InputError, match=told):
        named_files.check(_config(folder), folder, time.time())


def test_all_that_is_wrong_is_told_at_once(folder: Path):
    (folder / "prices.csv").unlink()
    (folder / "tls" / "stations.pem").write_text("nothing")
    (folder / "service.toml").write_text(SERVICE + BATTERY + BROKER + AUTHORITY)
    with pytest.raises(InputError) as refused:
        named_files.check(_config(folder), folder, time.time())
    fields = [fault.field for fault in refused.value.faults]
    assert fields == [
        "listen.station_ca_file",
        "certificate_file",
        "ca_file",
        "ca_file",
        "prices.file",
    ]


def test_a_key_of_another_certificate_is_refused(folder: Path):
    other = trustme.CA().issue_cert("localhost")
    (folder / "tls" / "server.key").write_bytes(other.private_key_pem.bytes())
    with pytest.raises(InputError, match="KEY VALUES MISMATCH"):
        named_files.check(_config(folder), folder, time.time())


def test_a_key_with_a_password_is_refused_and_nobody_is_asked(folder: Path):
    place = folder / "tls" / "server.key"
    key = serialization.load_pem_private_key(place.read_bytes(), None)
    coded = serialization.BestAvailableEncryption(b"secret")
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    place.write_bytes(key.private_bytes(pem, pkcs8, coded))
    with pytest.raises(InputError, match="without a password"):
        listening.tls(_config(folder).listen, folder)
    with pytest.raises(ssl.SSLError):
        server_context(folder / "tls" / "server.pem", place)


def test_a_certificate_that_has_ended_is_told(folder: Path):
    ended = trustme.CA().issue_cert(
        "localhost", not_after=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    )
    chain = b"".join(blob.bytes() for blob in ended.cert_chain_pems)
    (folder / "tls" / "server.pem").write_bytes(chain)
    (folder / "tls" / "server.key").write_bytes(ended.private_key_pem.bytes())
    with pytest.raises(InputError, match="good today"):
        named_files.check(_config(folder), folder, time.time())


def _config(folder: Path) -> Config:
    return config_file.read(Config, folder / "service.toml")

"""The key that secrets of stations and drivers are hashed with, and the passwords themselves.

A password of a station is made by the service, so long that it cannot be guessed; a keyed hash of
it (HMAC-SHA256) is all that is kept, which 5,000 stations that come back at once can afford. The
key is in a file beside the data base, so that the data base alone gives nothing away.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import final

from sqlalchemy import Connection, func, or_, select

from evergrid.core.errors import StoreError
from evergrid.live.store.database.durable import sync
from evergrid.live.store.database.engine import OWN_FILE
from evergrid.live.store.schema import drivers, stations

KEY_BYTES = 32
PASSWORD_BYTES = 24  # 32 characters; OCPP takes 16 to 40
STATION, DRIVER = "station", "driver"


@final
class Key:
    """A key.

    Args:
        secret: Of `KEY_BYTES` or more.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        """Its name, and never itself."""
        return "Key()"

    def derived(self, purpose: str) -> bytes:
        """The key of one purpose, such as `STATION`: a hash of one kind is nothing as another."""
        return hmac.new(self._secret, purpose.encode(), hashlib.sha256).digest()

    def hashed(self, purpose: str, owner: str, secret: str) -> str:
        """The keyed hash of a secret, 64 hexadecimal digits: of the owner, a NUL and the secret.

        Args:
            purpose: Whose key is taken (`derived`).
            owner: Whose it is, so that two with the same secret do not show it.
            secret: The secret.
        """
        text = f"{owner}\0{secret}".encode(errors="surrogatepass")
        return hmac.new(self.derived(purpose), text, hashlib.sha256).hexdigest()

    def matches(self, purpose: str, owner: str, secret: str, *known: str) -> bool:
        """Whether a secret is one of the known hashes; takes the same time whichever it is."""
        found = self.hashed(purpose, owner, secret)
        same = [hmac.compare_digest(found, one) for one in known]
        return any(same)

    @property
    def fingerprint(self) -> str:
        """What tells this key from another, and gives nothing of it away."""
        return self.hashed("fingerprint", "", "")[:16]

    @classmethod
    def open(cls, file: Path, connection: Connection) -> "Key":
        """The key of a file, which is made where the store holds no secrets yet.

        Raises:
            StoreError: It is not there though secrets were hashed with it, or is damaged.
        """
        try:
            if not file.exists():
                if _in_use(connection):
                    raise StoreError(
                        f"The key {file.name} is not there, and without it no station can log in. "
                        "Put it back from where it was kept."
                    )
                _make(file)
            file.chmod(OWN_FILE)
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"The key {file.name} cannot be read: {error.strerror}.") from None
        return cls.read(file)

    @classmethod
    def read(cls, file: Path) -> "Key":
        """The key of a file that is there.

        Raises:
            StoreError: It cannot be read, or is damaged.
        """
        try:
            secret = file.read_bytes()
        except OSError as error:
            raise StoreError(f"The key {file.name} cannot be read: {error.strerror}.") from None
        if len(secret) < KEY_BYTES:
            raise StoreError(f"The key {file.name} has less than {KEY_BYTES} bytes: it is damaged.")
        return cls(secret)


def new_password() -> str:
    """A password that cannot be guessed, of letters, digits, "-" and "_"."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def _make(file: Path) -> None:
    """Write a new key to the disk, complete or not at all."""
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    number = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWN_FILE)
    with os.fdopen(number, "wb") as open_file:
        open_file.write(secrets.token_bytes(KEY_BYTES))
        open_file.flush()
        os.fsync(open_file.fileno())
    part.replace(file)
    sync(file.parent)  # before anything is hashed with it


def _in_use(connection: Connection) -> bool:
    """Whether the store holds hashes of a key."""
    of_stations = select(func.count()).where(
        or_(stations.c.secret_hmac != "", stations.c.next_secret_hmac != "")
    )
    of_drivers = select(func.count()).where(drivers.c.token_hmac != "")
    return any(connection.execute(query).scalar_one() for query in (of_stations, of_drivers))

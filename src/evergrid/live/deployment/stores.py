"""The store that a configuration names, with its key and what it takes to reach it."""

from dataclasses import replace
from pathlib import Path

from sqlalchemy.engine import make_url

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.data.files.locate import locate
from evergrid.live.config import Config
from evergrid.live.store.store import StoreRules, key_beside


def place(config: Config, folder: Path) -> str | Path:
    """Path of the store's file, or the address of its server with the password.

    Raises:
        InputError: An address that cannot be read.
        MissingFileError: The file of the password is not there.
    """
    if "://" not in config.store:
        return locate(config.store, folder)
    if config.store_password_file is None:
        return config.store
    file = locate(config.store_password_file, folder)
    try:
        password = file.read_text().strip()
    except OSError as error:
        fix = f"Put the password there: {error.strerror}."
        fault = Fault("store_password_file", "be a file that can be read", (file.name,), fix=fix)
        raise InputError("config", [fault]) from None
    return make_url(config.store).set(password=password).render_as_string(hide_password=False)


def key_file(config: Config, folder: Path) -> Path:
    """Where the key of secrets is.

    Raises:
        InputError: It is named nowhere though the store is a server.
    """
    if config.store_key_file is not None:
        return locate(config.store_key_file, folder)
    if "://" in config.store:
        rule = "name the file of the key where the store is a server"
        raise InputError("config", [Fault("store_key_file", rule)])
    return key_beside(locate(config.store, folder))


def rules(config: Config, folder: Path, run: StoreRules) -> StoreRules:
    """The rules of a run, with the files that the configuration names."""
    key, authorities = config.store_key_file, config.store_ca_file
    return replace(
        run,
        key_file=run.key_file if key is None else locate(key, folder),
        authorities=run.authorities if authorities is None else str(locate(authorities, folder)),
    )

"""Bring the tables of a store to this version, and refuse those of a newer one."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from evergrid.core.errors import StoreError

FOLDER = Path(__file__).parent / "migrations"
VERSIONS = FOLDER / "versions"


def config(connection: Connection | None = None, versions: Path = VERSIONS) -> Config:
    """How Alembic is called."""
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.set_main_option("version_locations", str(versions))
    made.set_main_option("path_separator", "newline")
    made.attributes["connection"] = connection
    return made


def newest(versions: Path = VERSIONS) -> str:
    """The version of the tables that this program knows."""
    head = ScriptDirectory.from_config(config(versions=versions)).get_current_head()
    assert head is not None, "the package ships migrations"
    return head


def found(connection: Connection) -> str | None:
    """The version of the tables that are there; None where there are none."""
    return MigrationContext.configure(connection).get_current_revision()


def known(version: str | None, versions: Path = VERSIONS) -> bool:
    """Whether a version of the tables can be brought to the newest."""
    scripts = ScriptDirectory.from_config(config(versions=versions)).walk_revisions()
    return version is None or version in {one.revision for one in scripts}


def upgrade(connection: Connection, versions: Path = VERSIONS) -> None:
    """Bring the tables to the newest version, in the transaction of the connection.

    Raises:
        StoreError: The tables are of a version that this program does not know.
    """
    there = found(connection)
    if not known(there, versions):
        raise StoreError(
            f"The store is of version {there}, this program knows versions up to "
            f"{newest(versions)}. Install the program that wrote it, or restore a backup."
        )
    if there != newest(versions):
        command.upgrade(config(connection, versions), "head")

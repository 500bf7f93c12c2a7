"""Old names of modules are refused with the new ones, and the table of them is true."""

import importlib
import importlib.util

import pytest

from evergrid.core.moved import moved_modules


@pytest.mark.parametrize("old", ["evergrid.fleet.wiring", "evergrid.studies.portfolio"])
def test_an_old_name_is_refused_with_the_new_one(old: str):
    with pytest.raises(ImportError, match=moved_modules()[old].replace(".", r"\.")):
        importlib.import_module(old)


def test_a_module_that_never_was_is_refused_as_ever():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("evergrid.fleet.never")


def test_every_new_name_is_there_and_no_old_one_is():
    for old, new in moved_modules().items():
        assert importlib.util.find_spec(new) is not None, new
        with pytest.raises(ImportError, match="has moved"):
            importlib.util.find_spec(old)

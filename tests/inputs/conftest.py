"""The planned cases of the studies, whose inputs are tested here."""

from tests.studies.conftest import planned

__all__ = ["planned"]

"""Reads a feeder when it is imported, for a test of what a run used."""

from evergrid.grid.feeder import opendss
from tests.grid.cases import IEEE13

opendss.read(IEEE13)

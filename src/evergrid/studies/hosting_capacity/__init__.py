"""How many vehicles can a feeder take, charging and feeding, where, and what stops it?"""

from evergrid.studies.hosting_capacity.study import OUTPUTS, QUESTION, Config, Result, run

__all__ = ["OUTPUTS", "QUESTION", "Config", "Result", "run"]

"""How many vehicles can a feeder take, charging and feeding, where, and what stops it?"""

from evergrid.studies.hosting_capacity.config import Config
from evergrid.studies.hosting_capacity.report import StudyResult as Result
from evergrid.studies.hosting_capacity.study import STUDY

run = STUDY.run

__all__ = ["STUDY", "Config", "Result", "run"]

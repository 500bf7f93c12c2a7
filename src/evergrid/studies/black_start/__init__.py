"""Can the vehicles that are there start a dead site, and how long and how deep did it suffer?"""

from evergrid.studies.black_start.config import Config
from evergrid.studies.black_start.report import StudyResult as Result
from evergrid.studies.black_start.study import STUDY

run = STUDY.run

__all__ = ["STUDY", "Config", "Result", "run"]

"""What does a fleet earn by following a regulation signal, and does it keep its promises?"""

from evergrid.studies.regulation.config import Config
from evergrid.studies.regulation.report import StudyResult as Result
from evergrid.studies.regulation.study import STUDY

run = STUDY.run

__all__ = ["STUDY", "Config", "Result", "run"]

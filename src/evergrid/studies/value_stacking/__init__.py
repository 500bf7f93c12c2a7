"""What is each service worth on top of energy and of the others?"""

from evergrid.studies.value_stacking.config import Config
from evergrid.studies.value_stacking.report import StudyResult as Result
from evergrid.studies.value_stacking.study import STUDY

run = STUDY.run

__all__ = ["STUDY", "Config", "Result", "run"]

"""How soon and how far does a site recover when the grid is gone, and what do vehicles change?"""

from evergrid.studies.resilience.config import Config
from evergrid.studies.resilience.report import StudyResult as Result
from evergrid.studies.resilience.study import STUDY

run = STUDY.run

__all__ = ["STUDY", "Config", "Result", "run"]

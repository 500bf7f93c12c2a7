"""Who gains and who loses by V2G, and what rate makes the private choice the best for all?"""

from evergrid.studies.welfare.config import Config
from evergrid.studies.welfare.report import StudyResult as Result
from evergrid.studies.welfare.study import STUDY

run = STUDY.run

__all__ = ["STUDY", "Config", "Result", "run"]

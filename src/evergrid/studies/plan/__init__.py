"""What should every vehicle and battery do, what is that worth, and how far from optimal is it?"""

from evergrid.studies.plan.config import Config
from evergrid.studies.plan.report import StudyResult as Result
from evergrid.studies.plan.study import STUDY

run = STUDY.run

__all__ = ["STUDY", "Config", "Result", "run"]

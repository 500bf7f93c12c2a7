"""What does a fleet do to the frequency after a loss of generation, and through a real record?"""

from evergrid.studies.frequency_response.config import Config
from evergrid.studies.frequency_response.report import StudyResult as Result
from evergrid.studies.frequency_response.study import STUDY

run = STUDY.run

__all__ = ["STUDY", "Config", "Result", "run"]

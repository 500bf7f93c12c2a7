"""Which market's rules let a fleet sell most, and what keeps it from selling more elsewhere?"""

from evergrid.studies.rule_books.config import Config
from evergrid.studies.rule_books.report import StudyResult as Result
from evergrid.studies.rule_books.study import STUDY

run = STUDY.run

__all__ = ["STUDY", "Config", "Result", "run"]

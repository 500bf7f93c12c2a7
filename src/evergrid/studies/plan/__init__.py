"""What should every vehicle and battery do, what is that worth, and how far from optimal is it?"""

from evergrid.studies.plan.study import OUTPUTS, QUESTION, Config, Result, run

__all__ = ["OUTPUTS", "QUESTION", "Config", "Result", "run"]

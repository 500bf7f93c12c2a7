"""Does V2G spare a feeder's tap changers and capacitor banks, or wear them out?"""

from evergrid.studies.volt_var.study import OUTPUTS, QUESTION, Config, Result, run

__all__ = ["OUTPUTS", "QUESTION", "Config", "Result", "run"]

"""Can vehicles at their chargers start a dead island, step by step, and does it stay alive?"""

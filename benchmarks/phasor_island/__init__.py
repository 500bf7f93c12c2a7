"""How long does an island take in phasors?"""

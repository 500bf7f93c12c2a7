"""How long from a value of the signal to metered power, and what does a day of the twin cost?"""

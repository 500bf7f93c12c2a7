"""How long does it take to tell what a fleet can promise?"""

"""How fast, how deep and how surely is supply restored after an event?"""

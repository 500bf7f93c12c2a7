"""How do several processes hold the stations' connections for one controller?"""

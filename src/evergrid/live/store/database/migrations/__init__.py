"""How did the tables change, version by version?"""

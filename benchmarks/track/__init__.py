"""How fast and how well does a fleet follow a signal?"""

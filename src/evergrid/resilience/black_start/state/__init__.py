"""How is the island now, and what do relays and meters see of it?"""

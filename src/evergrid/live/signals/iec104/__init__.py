"""How does an operator's control centre order power over its own line, by IEC 60870-5-104?"""

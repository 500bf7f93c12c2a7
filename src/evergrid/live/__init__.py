"""How does the service talk to chargers, remember what they said, decide, and defend itself?"""

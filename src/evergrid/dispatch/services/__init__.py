"""What else can a fleet sell beside energy, and what must it hold ready for that?"""

"""Who may connect, and how does a station show who it is?"""

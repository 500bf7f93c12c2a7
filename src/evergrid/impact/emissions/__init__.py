"""What did a fleet do to carbon, on which ledger, and how sure is that?"""

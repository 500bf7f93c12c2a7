"""Who gains, who loses, and what is the sum?"""

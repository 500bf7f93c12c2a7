"""Which data base is it, may it be opened, and are its tables of this version?"""

"""What can a station do, what does a vehicle ask for, and which profiles may be sent?"""

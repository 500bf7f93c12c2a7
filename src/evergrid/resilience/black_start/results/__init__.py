"""What does a black start leave for those who read it?"""

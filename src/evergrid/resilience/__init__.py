"""What happens when the grid fails or is about to, and what does a fleet do about it?"""

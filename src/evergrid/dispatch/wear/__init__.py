"""What does a plan do to batteries, and what does that cost?"""

"""What is known of a station, what is on its way to it, and what may never be sent?"""

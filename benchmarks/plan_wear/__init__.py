"""What does wear by the state of each battery cost a plan in time?"""

"""What does an entry on the disk cost, how long does it wait, and how fast is a restart?"""

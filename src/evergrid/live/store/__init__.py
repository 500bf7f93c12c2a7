"""What does the service remember, and when is it surely on the disk?"""

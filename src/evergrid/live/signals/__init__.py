"""What does the grid ask for, and can it be believed?"""

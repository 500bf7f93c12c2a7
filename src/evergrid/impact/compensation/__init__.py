"""What rate makes owners choose what is best for all?"""

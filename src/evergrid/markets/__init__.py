"""What is it paid?"""

"""Which stations and drivers are known, and how do they prove who they are?"""

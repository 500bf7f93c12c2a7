"""How are stores that share no limit solved, each by itself and exactly?"""

"""What does a utility ask for by OpenADR 3: prices, limits, set-points?"""

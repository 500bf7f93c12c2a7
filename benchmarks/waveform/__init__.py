"""What does a second of waveforms cost, averaged and with every switching edge?"""

"""What does one inverter do: form a grid or follow one, and is it stable?"""

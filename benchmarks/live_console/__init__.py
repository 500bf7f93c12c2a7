"""What a viewer of the live service costs: bytes, CPU and memory."""

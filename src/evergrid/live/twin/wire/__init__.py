"""What a simulated station says: OCPP over a web socket, its messages and its queue."""

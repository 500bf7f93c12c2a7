"""What would stations, batteries and drivers do, spoken over real sockets?"""

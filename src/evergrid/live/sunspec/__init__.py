"""How are stationary batteries reached that speak SunSpec over Modbus?"""

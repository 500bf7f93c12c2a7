"""Who charges and discharges now, and what is promised, paid and alarmed?"""

"""Which plan vehicles follow, made by the functions of a study, within limits as they come."""

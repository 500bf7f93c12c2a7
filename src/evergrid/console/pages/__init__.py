"""The pages, one by one."""

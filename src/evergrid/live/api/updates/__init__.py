"""What has changed, told to many viewers at the cost of one."""

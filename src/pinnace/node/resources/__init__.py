"""Shares of the node: quality of service, limits, control groups, what is allocatable."""

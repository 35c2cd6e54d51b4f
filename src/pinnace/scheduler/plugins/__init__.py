"""Scheduling plug-ins, a file each."""

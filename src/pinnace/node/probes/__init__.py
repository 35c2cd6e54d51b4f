"""Probes, a file per way to ask."""

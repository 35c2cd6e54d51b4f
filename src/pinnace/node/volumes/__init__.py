"""Volumes, a file per kind."""

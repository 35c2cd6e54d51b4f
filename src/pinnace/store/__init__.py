"""Bytes by key and revision, with watch."""

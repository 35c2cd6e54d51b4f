"""Pieces that several controllers use."""

"""Admission policies: which ones a write concerns, and what their expressions say of it."""

"""Tokens of identity providers: who is believed, by what rules, and who their tokens stand for."""

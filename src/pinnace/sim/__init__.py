"""Simulated nodes: kubelets played by one task group. Nothing runs on them, and they say so."""

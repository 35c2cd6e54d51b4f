"""Simulated nodes: kubelets played by one task."""

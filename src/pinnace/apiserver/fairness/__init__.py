"""API priority and fairness: who waits, and for how long, when more is asked than can be served."""

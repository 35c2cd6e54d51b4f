"""Controllers: a row and a reconcile coroutine each."""

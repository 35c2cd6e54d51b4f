"""The API server: a coroutine from a request to a response or a stream."""

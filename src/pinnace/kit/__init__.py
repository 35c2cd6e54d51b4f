"""Clock, tasks, queue, backoff, x509: what every room needs and knows nothing of Kubernetes."""

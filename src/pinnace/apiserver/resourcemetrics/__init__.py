"""The resource metrics API: what Nodes and Pods use, read from kubelets while somebody asks."""

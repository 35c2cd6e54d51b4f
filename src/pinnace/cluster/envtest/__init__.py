"""Pinnace in the place of the programs that test suites start: kube-apiserver and etcd."""

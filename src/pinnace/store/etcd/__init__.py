"""The store in etcd: several API servers may share it."""

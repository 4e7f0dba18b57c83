"""A real control plane for tests: etcd, kube-apiserver, controllers, and a stand-in for the kubelet."""

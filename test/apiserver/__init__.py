"""A Kubernetes API server in one Python process: one store, an in-memory face and an HTTP face."""

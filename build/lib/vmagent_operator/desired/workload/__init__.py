"""The pods and what runs them: volumes, claims, workloads, shards, the reloader."""

"""What only VMCluster has: its components, addresses, replication and deduplication, the balancer, validation."""

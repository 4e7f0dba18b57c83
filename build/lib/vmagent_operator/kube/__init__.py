"""The API server: requests, watches, queue, lease, diff and apply."""

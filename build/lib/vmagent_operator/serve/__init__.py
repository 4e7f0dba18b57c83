"""Pages for probes, metrics and people."""

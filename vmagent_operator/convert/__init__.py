"""Prometheus objects -> scrape objects: a table for each kind of source, no I/O."""

"""Scrape objects -> jobs, one module a kind."""

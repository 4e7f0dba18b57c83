"""vmagent's scrape configuration, computed from scrape objects; pure."""

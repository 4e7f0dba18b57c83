"""Service discoveries of VMScrapeConfig, one table each."""

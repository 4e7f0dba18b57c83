"""Statuses as values: of owners, and of the scrape objects that owners have looked at. `render` and the controllers share them."""

"""The custom resources as attrs classes: tables, no logic."""

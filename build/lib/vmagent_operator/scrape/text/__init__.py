"""YAML as vmagent's own library writes and reads it."""

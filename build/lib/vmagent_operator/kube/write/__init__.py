"""Desired against live objects, and server-side apply."""

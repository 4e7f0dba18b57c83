"""The documentation site: what mkdocs asks for, and what the reference is made from."""

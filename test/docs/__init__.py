"""README and docs, taken at their word: every command and manifest in them is run."""

"""Texts in languages of vmagent and Go, read as they read them: regular expressions, series selectors, and what they take."""

"""Properties of the whole: every field has an effect, a bad object harms nobody else, a text stays a text."""

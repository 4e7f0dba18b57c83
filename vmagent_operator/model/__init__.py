"""What a field means outside Python: field tables, decoding, encoding, schema."""

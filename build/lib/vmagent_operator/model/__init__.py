"""What a field means outside Python: field tables, decoding, encoding and schemas, all walked from one declaration."""

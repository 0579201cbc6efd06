"""Real study tables: read from any usual format, held against the schema, and taken whole or not at all."""

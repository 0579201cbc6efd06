"""Real study tables: read from any usual format, checked against the schema, and accepted or refused as a whole."""

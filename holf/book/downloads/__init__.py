"""The data behind tables and figures as files: written from the outputs of record, and held against the pages."""

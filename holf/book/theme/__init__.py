"""The look of the pages: Furo and the book's layout, what Sphinx writes less well, and what no page may do."""

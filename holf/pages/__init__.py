"""Pages of Markdown that are written from data: ledger, audit, checklists, disclosure, glossary, citation.

Front: `write.write_pages`.
"""

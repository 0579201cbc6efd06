"""The published record and the plan: `data/` read into checked records.

Front: `facts.load_ledger`, `facts.load_assumptions`, `plan.load_plan`, `flow.load_flow`, `schema.load_schema`,
`reporting.load_reporting` and `published_table.load_published_results`; `reading` reads and
checks the files, and `source` has the marks that numbers carry.
"""

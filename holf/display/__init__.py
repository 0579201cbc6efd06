"""What readers see of an answer: tables, figures, text alternatives and sentences.

Numbers are rounded in `text` and nowhere else. Front: `table.Table`, `figure.Picture`, and the functions of `tables`,
`plots`, `methods` and `record_tables` that chapters call.
"""

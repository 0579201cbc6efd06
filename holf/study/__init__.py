"""Questions and typed answers: rows are linked here, and never leave.

Front: `study.Study`, whose methods are the questions; `answers` has the types of the answers, `answering` computes
them, and `withheld` stands for a number that may not be shown.
"""

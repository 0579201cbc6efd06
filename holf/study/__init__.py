"""Questions and typed answers: rows are linked here, and never leave.

Front: `study.Study`, whose methods are the questions; `questions` computes the answers, whose types are in `answers`,
and `withheld` stands for a number that may not be shown.
"""

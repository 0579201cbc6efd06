"""Questions and typed answers: rows are linked here, and never leave.

Front: `study.Study`, whose methods are the questions; `questions` computes the answers, and `answers` has their
types, among them the number that may not be shown.
"""

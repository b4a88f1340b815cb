"""PostgreSQL: all SQL of the product, one file per noun, each query named for its question.

Functions take a `sqlalchemy.Connection` inside the caller's transaction, give frozen values, and
never commit: where a transaction begins and ends is the flow's business.
"""

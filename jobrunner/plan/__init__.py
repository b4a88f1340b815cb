"""Pure: what an apply would change, what it would do to coming runs, and what it refuses."""

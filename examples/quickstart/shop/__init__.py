"""A shop, as far as its background jobs go."""

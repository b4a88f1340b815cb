"""A service that works off requests: each is a list of orders, added up by customer."""

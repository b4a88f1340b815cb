"""What a request passes before a route is looked for, from the outside in. None asks the database."""

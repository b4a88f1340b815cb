"""What the source of the tasks says of them, read without running any of it."""

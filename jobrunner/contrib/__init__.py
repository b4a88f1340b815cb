"""What host frameworks call: one file each."""

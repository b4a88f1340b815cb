"""From YAML text to values: the format, read with positions and with every mistake located."""

"""Every code that a diagnostic can carry, with what it means and how it is mended."""

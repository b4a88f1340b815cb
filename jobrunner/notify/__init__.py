"""Alerts go out: what is wrong is looked for and told of, beside the tick and never in its way."""

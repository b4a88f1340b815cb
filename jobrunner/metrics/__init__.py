"""Figures for Prometheus, read from the database: exact whatever process is asked, and after any restart."""

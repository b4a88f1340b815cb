"""A dashboard on Django, whose tasks run on jobrunner."""

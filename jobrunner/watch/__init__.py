"""Hot reload: whenever the files have changed and are quiet again, the database is made to match.

An event only says that something may have changed. What counts is the content of all files, read
anew: `watcher.py` decides when it is settled and what becomes of it, `hints.py` hears of changes,
`project_watch.py` binds both to the project's files and to the database.
"""

from jobrunner.watch.project_watch import OptionsFor, ProjectWatch
from jobrunner.watch.watcher import ConfigState, Outcome, WatchOptions

__all__ = ["ConfigState", "OptionsFor", "Outcome", "ProjectWatch", "WatchOptions"]

"""Plan and apply for Celery jobs."""

from jobrunner.current import CurrentRun, current_run

__all__ = ["CurrentRun", "current_run"]

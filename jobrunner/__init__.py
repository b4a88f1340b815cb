"""Plan and apply for Celery jobs."""

__all__: list[str] = []

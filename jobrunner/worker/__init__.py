"""What a Celery worker is told of jobrunner: its task, its parent and its children."""

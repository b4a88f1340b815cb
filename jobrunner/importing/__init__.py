"""What runs today, read from other schedulers and written as YAML: crontabs, Celery beat, its peers.

Nothing is lost silently: each entry becomes a job, or a reason why it is none.
"""

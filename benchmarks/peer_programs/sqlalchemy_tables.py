"""Makes the tables of sqlalchemy-celery-beat, as its scheduler does when it starts."""

from sqlalchemy_celery_beat.session import SessionManager  # type: ignore[import-not-found]  # of the peers' environment

from benchmarks.peer_programs.celery_app import app

if __name__ == "__main__":
    sessions = SessionManager()
    engine, _ = sessions.create_session(app.conf.beat_dburi)
    sessions.prepare_models(engine)

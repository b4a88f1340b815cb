"""`jobrunner web`: the pages and the REST API."""

from threading import Thread

import click

from jobrunner.cli.command import make_command
from jobrunner.cli.database import actor_of, open_database
from jobrunner.cli.session import Session
from jobrunner.cli.settings import keyring_of, servers_of
from jobrunner.errors import UsageError


@make_command(
    "web",
    "The pages and the REST API.\n\n"
    "Every caller needs a token (`jobrunner token create`); on an address that is not this machine's "
    "own it starts only when there is one.",
    examples=[
        ("jobrunner web", "On http://127.0.0.1:8620, with a one-time link to sign in."),
        ("jobrunner web --host 0.0.0.0", "For others, behind a proxy that speaks TLS."),
    ],
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8620,
    show_default=True,
    help="0 takes a free one.",
)
@click.option(
    "--open",
    "is_open",
    is_flag=True,
    help="Without credentials; on this machine's own address alone.",
)
def command(session: Session, *, host: str, port: int, is_open: bool) -> None:
    try:
        from jobrunner.web.app import make_app  # noqa: PLC0415  an extra: [server]
        from jobrunner.web.context import Web  # noqa: PLC0415
        from jobrunner.web.planned_load import look_ahead  # noqa: PLC0415
        from jobrunner.web.serve import check_access, is_loopback, serve  # noqa: PLC0415
        from jobrunner.web.sign_in_link import make_sign_in_link  # noqa: PLC0415
        from jobrunner.web.sign_of_life import SignOfLife  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(
            f"The web server is not installed ({error}).",
            hint="Install it with: pip install 'celery-jobrunner[server]'",
        ) from error
    with open_database(session, "web", pool_size=8) as engine:
        web = Web(servers_of(session), engine, keyring=keyring_of(session), is_open=is_open)
        check_access(web, host)

        def say_where(address: str) -> None:
            session.output.result(f"jobrunner web: {address}{web.settings.web_prefix}")
            if is_loopback(host) and not is_open:
                link = make_sign_in_link(
                    engine, f"{address}{web.settings.web_prefix}", subject=actor_of(session)
                )
                session.output.say(f"Sign in, once within ten minutes: {link}")

        hour = web.now().replace(minute=0, second=0, microsecond=0)
        ahead = Thread(
            target=look_ahead,
            args=(engine, web.usual_durations),
            kwargs={"start": hour},
            daemon=True,
        )
        ahead.start()
        serve(make_app(web), SignOfLife(engine), host=host, port=port, ready=say_where)

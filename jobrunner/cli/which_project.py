"""Of which project a command speaks that needs none of its files."""

from sqlalchemy import Connection

from jobrunner.cli.session import Session
from jobrunner.db.projects import project_names
from jobrunner.errors import ConfigurationError, NotFound
from jobrunner.files import read_project
from jobrunner.spec.diagnostics import has_errors
from jobrunner.spec.parse import parse_project, parse_project_file
from jobrunner.spec.project import Given, Guards


def project_name_of(session: Session, connection: Connection) -> str:
    """By the project file; where there is none, the only project of the database.

    Raises ConfigurationError, and NotFound when the database has several or none.
    """
    config = read_project(config=session.config, working_directory=session.working_directory).config
    if config is None:
        return _only_one(project_names(connection))
    project, diagnostics = parse_project_file(config)
    if has_errors(diagnostics):
        raise ConfigurationError("The project file cannot be read.", diagnostics=diagnostics)
    return project.project


def project_guards(session: Session, given: Given) -> Guards:
    """Those of the project file in this environment; where there is none, the ordinary ones.

    Raises ConfigurationError with the file's mistakes; those of job files are nobody's business here.
    """
    config = read_project(config=session.config, working_directory=session.working_directory).config
    parsed = parse_project(config, (), given=given)
    if has_errors(parsed.diagnostics):
        raise ConfigurationError("The project file has mistakes.", diagnostics=parsed.diagnostics)
    return parsed.project.guards


def _only_one(names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return names[0]
    if not names:
        raise NotFound(
            "Nothing was ever applied to this database.",
            hint="`jobrunner apply` is the first step.",
        )
    raise NotFound(
        f"No jobrunner.yaml was found here, and the database holds {len(names)} projects: "
        f"{', '.join(names)}.",
        hint="Go to the folder of one of them, or name its file with --config.",
    )

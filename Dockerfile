# One image for every process: beat, worker, watch and the commands. What runs in it comes from the
# lock, checked by hash; the servers are containers of their own.

FROM python:3.14-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/jobrunner
WORKDIR /source
COPY requirements/core.txt requirements/core.txt
RUN /opt/jobrunner/bin/pip install --no-deps --require-hashes --only-binary :all: --requirement requirements/core.txt
COPY . .
RUN /opt/jobrunner/bin/pip install --no-deps --no-build-isolation . \
    && /opt/jobrunner/bin/pip uninstall --yes editables hatchling pathspec pluggy trove-classifiers pip

FROM python:3.14-slim
RUN useradd --system --uid 10001 --create-home jobrunner
COPY --from=build /opt/jobrunner /opt/jobrunner
ENV PATH=/opt/jobrunner/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# The project: its jobrunner.yaml, its YAML files, its Python modules. Mounted, or copied by an
# image built on this one.
WORKDIR /project
RUN install --directory --owner jobrunner reports
ENV PYTHONPATH=/project
USER jobrunner
ENTRYPOINT ["jobrunner"]
CMD ["--help"]

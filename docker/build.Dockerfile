# Build side: all stages, from a trained model to a verdict; recipes and models come from /work.
#   docker build -f docker/build.Dockerfile -t prunepack-build .
#   docker run --rm -v "$PWD:/work" -v prunepack-cache:/cache prunepack-build run mine.toml
ARG PYTHON=3.11

FROM python:${PYTHON} AS wheel
WORKDIR /source
COPY LICENSE README.md pyproject.toml setup.py ./
COPY prunepack prunepack
COPY stages stages
COPY pipeline pipeline
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim
ARG EXTRA=build,groups,sign
COPY constraints.txt /tmp/constraints.txt
COPY --from=wheel /wheels /tmp/wheels
RUN pip install --no-cache-dir -c /tmp/constraints.txt "$(echo /tmp/wheels/*.whl)[${EXTRA}]" \
    && rm -r /tmp/wheels /tmp/constraints.txt \
    && useradd --create-home prunepack \
    && install -d -o prunepack /cache
USER prunepack
ENV PRUNEPACK_CACHE=/cache
WORKDIR /work
ENTRYPOINT ["prunepack"]
CMD ["--help"]

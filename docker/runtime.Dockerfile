# Production: artifacts in onnxruntime on the CPU, without torch and onnx.
#   docker build -f docker/runtime.Dockerfile -t prunepack-runtime .
#   docker run --rm -v "$PWD:/work" prunepack-runtime inspect model.prunepack
ARG PYTHON=3.11

FROM python:${PYTHON} AS wheel
WORKDIR /source
COPY LICENSE README.md pyproject.toml setup.py ./
COPY prunepack prunepack
COPY stages stages
COPY pipeline pipeline
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim
ARG EXTRA=runtime-cpu
COPY constraints.txt /tmp/constraints.txt
COPY --from=wheel /wheels /tmp/wheels
RUN pip install --no-cache-dir -c /tmp/constraints.txt "$(echo /tmp/wheels/*.whl)[${EXTRA}]" \
    && rm -r /tmp/wheels /tmp/constraints.txt \
    && useradd --create-home prunepack
USER prunepack
WORKDIR /work
ENTRYPOINT ["prunepack"]
CMD ["--help"]

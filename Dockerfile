# The operator's image: docker build -t tidegate/operator .
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
RUN python3 -m venv /opt/tidegate
# Dependencies first: they change less often than the code, and their layer is then taken from the cache.
COPY constraints.txt pyproject.toml README.md LICENSE ./
RUN mkdir -p operator/tidegate && touch operator/tidegate/__init__.py \
    && /opt/tidegate/bin/pip install --constraint constraints.txt . \
    && /opt/tidegate/bin/pip uninstall --yes tidegate
COPY operator operator
RUN /opt/tidegate/bin/pip install --no-deps . \
    && /opt/tidegate/bin/python3 -m compileall -q /opt/tidegate/lib

FROM python:3.13-slim
ENV PATH=/opt/tidegate/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /opt/tidegate /opt/tidegate
# A number, so that the kubelet can tell that it is not root.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["python3", "-m", "tidegate"]
CMD ["operator"]

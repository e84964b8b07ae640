# kanlab without stock pykan. To have its engines too: --build-arg EXTRAS=[pykan], and more than a gigabyte.
#
#     docker build -t kanlab .
#     docker run -p 127.0.0.1:8501:8501 -v kanlab:/data kanlab

FROM python:3.12-slim AS build
ARG EXTRAS=""
WORKDIR /source
COPY pyproject.toml README.md LICENSE app.py requirements.lock ./
COPY kanlab kanlab
COPY pages pages
COPY .streamlit .streamlit
RUN python -m venv /opt/kanlab \
    && /opt/kanlab/bin/python -m pip install --no-cache-dir --no-compile ".${EXTRAS}" -c requirements.lock

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 kanlab && install -d -o kanlab -g kanlab -m 0700 /data
COPY --from=build /opt/kanlab /opt/kanlab
ENV PATH=/opt/kanlab/bin:$PATH KANLAB_HOME=/data PYTHONUNBUFFERED=1
USER kanlab
WORKDIR /home/kanlab
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["kanlab", "app", "--address", "0.0.0.0", "--headless"]

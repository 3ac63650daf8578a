# unienv-data with what a Dask scheduler, a worker or a conversion needs.
FROM python:3.12-slim

WORKDIR /opt/unienv-data
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY src src
# bokeh draws the dashboard
RUN pip install --no-cache-dir ".[distributed,video,images,hdf5]" bokeh

RUN useradd --create-home worker
USER worker
WORKDIR /home/worker

ENTRYPOINT []
CMD ["unienv-data", "--help"]

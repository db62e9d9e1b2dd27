"""Prometheus metrics of a worker and of the queue, on a port of this machine.

The worker's work is counted as it happens; the queue is read from the database at each scrape, so all workers of a
database show the same queue.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import start_http_server
from prometheus_client.registry import Collector

from concepts.errors import StorageError
from flows.errors import FlowError
from flows.leases.lease import LEASE_S
from longhand.showing.overviews import describe_overview
from storage import DOCUMENT_STATUSES, STAGES, Store

if TYPE_CHECKING:
    from flows.document.job.events import WorkerEvent

UNIT_BUCKETS_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 300.0)
COMPANY_BUCKETS = (1, 2, 4, 8, 16, 32, 64)
OUTCOMES = ("done", "planned", "failed", "released", "cancelled", "paused", "lost")


class QueueCollector(Collector):
    """Reads the queue from the database at each scrape."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """Yield the queue's state, or only a failure metric if the database does not answer."""
        up = GaugeMetricFamily("longhand_database_up", "Whether the database answered this scrape.")
        try:
            overview = self._store.get_overview(num_failures=0)
        except StorageError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        shown = describe_overview(overview, time.time())
        documents = GaugeMetricFamily(
            "longhand_documents", "Documents in the database by status.", labels=["status"]
        )
        for status in DOCUMENT_STATUSES:
            documents.add_metric([status], overview.counts.get(status, 0))
        yield documents
        depth = GaugeMetricFamily("longhand_queue_depth", "Documents that wait for a worker.")
        depth.add_metric([], shown["queued"] + shown["interrupted"])
        yield depth
        running = GaugeMetricFamily("longhand_running", "Documents that a living process holds.")
        running.add_metric([], shown["running"])
        yield running
        age = GaugeMetricFamily(
            "longhand_oldest_lease_age_seconds",
            "Since the last renewal of the lease that ends first; it is renewed every third of its time.",
        )
        oldest = shown["oldest_lease"]
        age.add_metric([], 0.0 if oldest is None else max(0.0, LEASE_S - oldest["ends_in_s"]))
        yield age


class Metrics:
    """The metrics of one worker."""

    def __init__(self, store: Store) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.registry.register(QueueCollector(store))
        self._documents = Counter(
            "longhand_worker_documents",
            "Documents that this worker has given back, by outcome.",
            ["outcome"],
            registry=self.registry,
        )
        self._units = Histogram(
            "longhand_unit_seconds",
            "What a unit that is done took, storing included, by stage.",
            ["stage"],
            buckets=UNIT_BUCKETS_S,
            registry=self.registry,
        )
        self._model_s = Counter(
            "longhand_model_seconds",
            "How long models were at work, by stage.",
            ["stage"],
            registry=self.registry,
        )
        self._company = Histogram(
            "longhand_unit_company",
            "Documents for which the model call of a unit that is done was made, by stage; 1: its own alone.",
            ["stage"],
            buckets=COMPANY_BUCKETS,
            registry=self.registry,
        )
        self._failures = Counter(
            "longhand_failures",
            "Units (by stage) and documents that failed, leases lost, and times that the database or "
            "Prefect could not be reached (trouble).",
            ["kind"],
            registry=self.registry,
        )
        for stage in STAGES:
            self._units.labels(stage)
            self._model_s.labels(stage)
            self._company.labels(stage)
        for kind in (*STAGES, "document", "lost", "trouble"):
            self._failures.labels(kind)
        for outcome in OUTCOMES:
            self._documents.labels(outcome)

    def count(self, event: WorkerEvent) -> None:
        """Count a worker's event; may be called in any thread."""
        if event.kind == "unit" and event.stage is not None:
            self._units.labels(event.stage).observe(event.seconds)
            self._model_s.labels(event.stage).inc(event.model_s)
            self._company.labels(event.stage).observe(event.company)
        elif event.kind == "unit-failed" and event.stage is not None:
            self._failures.labels(event.stage).inc()
        elif event.kind == "trouble":
            self._failures.labels("trouble").inc()
        elif event.kind in OUTCOMES:
            self._documents.labels(event.kind).inc()
            if event.kind in ("failed", "lost"):
                self._failures.labels("document" if event.kind == "failed" else "lost").inc()

    @contextmanager
    def serve(self, host: str, port: int) -> Iterator[str]:
        """Serve the metrics until the block ends and yield their URL; port 0 takes a free one.

        Raises FlowError if the port or the address cannot be used.
        """
        try:
            server, thread = start_http_server(port, addr=host, registry=self.registry)
        except UnicodeError as error:
            raise FlowError(
                f"metrics cannot be served at {host!r}: name an address of this machine with --metrics-host"
            ) from error
        except OSError as error:
            raise FlowError(
                f"metrics cannot be served at {host}:{port} ({error.strerror}): name another --metrics-port"
            ) from error
        try:
            yield f"http://{host}:{server.server_port}/metrics"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

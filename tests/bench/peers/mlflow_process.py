"""`PYTHON mlflow_process.py FOLDER SOCKET`: runs in MLflow, for whoever asks by a socket. Nothing else is imported.

PYTHON has MLflow installed, and need have nothing of the dashboard. A question and its answer are a line of JSON each:
{"load": FILE} stores the runs of a file of JSON lines; {"filter": ..., "order": ..., "limit": ...} searches.
"""

from __future__ import annotations

import json
import socketserver
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import mlflow
from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlParam, SqlRun, SqlTag
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import insert

#: Runs inserted together.
TOGETHER = 1_000


class Runs:
    """MLflow with its usual store, a file of SQLite, and one experiment."""

    def __init__(self, folder: Path) -> None:
        address = f"sqlite:///{folder / 'mlflow.db'}"
        self.store = SqlAlchemyStore(address, str(folder / "artifacts"))
        self.experiment = self.store.create_experiment("sweep")
        self.client = mlflow.MlflowClient(tracking_uri=address)

    def load(self, path: Path) -> dict[str, Any]:
        """Store runs through MLflow's own tables, some together: by its calls each would take milliseconds."""
        start = time.perf_counter()
        with path.open() as lines, self.store.engine.begin() as connection:
            while chunk := [json.loads(line) for line in islice(lines, TOGETHER)]:
                connection.execute(insert(SqlRun), [self.run(one) for one in chunk])
                for model, kind in ((SqlLatestMetric, "metrics"), (SqlParam, "params"), (SqlTag, "tags")):
                    rows = [
                        {"run_uuid": one["hash"], "key": key, "value": value} | self.more(kind, one)
                        for one in chunk
                        for key, value in one[kind].items()
                    ]
                    connection.execute(insert(model), rows)
        return {"seconds": time.perf_counter() - start, "version": mlflow.__version__}

    def run(self, one: dict[str, Any]) -> dict[str, Any]:
        """Return the row of a run, as MLflow makes it."""
        return {
            "run_uuid": one["hash"], "name": one["hash"], "experiment_id": int(self.experiment), "source_type": "LOCAL",
            "source_name": "", "entry_point_name": "", "user_id": "bench", "status": "FINISHED",
            "start_time": one["time"], "end_time": one["time"], "source_version": "", "lifecycle_stage": "active",
            "artifact_uri": f"artifacts/{one['hash']}",
        }  # fmt: skip

    def more(self, kind: str, one: dict[str, Any]) -> dict[str, Any]:
        return {"timestamp": one["time"], "step": 0, "is_nan": False} if kind == "metrics" else {}

    def search(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the runs that are found, as its own client finds them."""
        found = self.client.search_runs(
            [self.experiment], filter_string=asked["filter"], order_by=[asked["order"]], max_results=asked["limit"]
        )
        return {"hashes": [run.info.run_id for run in found], "metrics": len(found[0].data.metrics) if found else 0}


class Server(socketserver.UnixStreamServer):
    """Answers one question after another."""

    def __init__(self, path: str, runs: Runs) -> None:
        self.runs = runs
        super().__init__(path, Handler)


class Handler(socketserver.StreamRequestHandler):
    """One who asks."""

    server: Server

    def handle(self) -> None:
        """Answer until there are no more questions."""
        for line in self.rfile:
            asked = json.loads(line)
            runs = self.server.runs
            answer = runs.load(Path(asked["load"])) if "load" in asked else runs.search(asked)
            self.wfile.write(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    with Server(sys.argv[2], Runs(Path(sys.argv[1]))) as server:
        server.serve_forever()

"""The child process that serves Prefect's API to one run; it ends with its parent, however that ends.

Run by path (`flows/server.py` does), in an empty folder, which is removed at the end. It imports no
room of ours. Its database is a copy of an already migrated template: migrating costs many seconds.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sqlite3
import sys
import threading
from pathlib import Path


def end_with_parent(folder: Path) -> None:
    """Wait in a thread for the end of standard input, which the parent holds open, then exit."""

    def wait() -> None:
        sys.stdin.buffer.read()
        shutil.rmtree(folder, ignore_errors=True)
        # Nobody reads this database again, so there is nothing to shut down in order.
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def prepare_database(database: Path, template: Path) -> None:
    """Copy the template; where there is none, migrate a fresh database and keep a copy of it."""
    if template.exists():
        shutil.copyfile(template, database)
        return
    from prefect.server.database import provide_database_interface

    async def migrate() -> None:
        interface = provide_database_interface()
        await interface.create_db()
        await (await interface.engine()).dispose()

    asyncio.run(migrate())
    fresh = template.with_name(f"{template.name}.{os.getpid()}.partial")
    try:
        template.parent.mkdir(parents=True, exist_ok=True)
        source, target = sqlite3.connect(database), sqlite3.connect(fresh)
        source.backup(target)
        target.close()
        source.close()
        os.replace(fresh, template)
    except (OSError, sqlite3.Error):
        fresh.unlink(missing_ok=True)  # a full or read-only disk only costs time at the next start


def main() -> None:
    """Serve until the parent ends: argv holds the folder and the template."""
    folder, template = Path(sys.argv[1]), Path(sys.argv[2])
    end_with_parent(folder)
    # What is imported stays: to look through it for garbage, again and again, takes a sixth of the start.
    gc.disable()
    # Only now the slow imports: a parent that dies meanwhile must not leave us behind.
    prepare_database(folder / "prefect.db", template)
    import uvicorn
    from prefect.server.api.server import create_app

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
            await super().startup(sockets)  # type: ignore[arg-type]
            if self.started:
                port = self.servers[0].sockets[0].getsockname()[1]
                print(port, flush=True)

    app = create_app(ephemeral=True, final=True)
    gc.freeze()
    gc.enable()
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="on", access_log=False)
    Announcing(config).run()


if __name__ == "__main__":
    main()

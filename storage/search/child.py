"""A search in a child process, for a Python whose sqlite3 cannot load extensions; see `storage.search.nearest`.

Reads one JSON request from stdin and writes the matches, or the error, as JSON to stdout.
"""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import asdict

from sqlalchemy.engine import make_url

from concepts.errors import LonghandError
from storage.database.pool import Database
from storage.records import SpaceRef
from storage.search.nearest import search
from storage.vectors import unpack_vector


def main() -> None:
    """Answer the request on stdin."""
    import pysqlite3.dbapi2 as driver

    request = json.load(sys.stdin)
    database = Database(make_url(request["url"]), request["timeout_s"], driver=driver)
    try:
        query_D = unpack_vector(base64.b64decode(request["query"]), "what is looked for")
        space = SpaceRef(**request["space"])
        matches = search(database, query_D, space, request["places"], request["limit"])
        answer: dict[str, object] = {"matches": [asdict(match) for match in matches]}
    except LonghandError as error:
        answer = {"error": str(error)}
    finally:
        database.close()
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()

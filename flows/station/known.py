"""Which Prefect server the commands talk to."""

from __future__ import annotations

import os

from flows.prefect.api import API_VARIABLE, AUTH_VARIABLE, PrefectApi, check_api
from flows.station.supervisor import running_station


def known_api(typed: str | None = None) -> PrefectApi | None:
    """Return the Prefect API from the argument, the environment variable or `longhand up`; None if there is none.

    `PREFECT_API_AUTH_STRING` holds the secret of a server named by argument or variable. Raises UsageError for an
    invalid URL.
    """
    if url := typed or os.environ.get(API_VARIABLE):
        station = running_station()
        if station is not None and check_api(url) == station.api_url:
            return station.api()
        return PrefectApi(url, os.environ.get(AUTH_VARIABLE))
    station = running_station()
    return None if station is None else station.api()

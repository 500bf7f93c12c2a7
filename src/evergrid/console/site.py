"""Adds the pages to the interface."""

from urllib.parse import quote

from fastapi import FastAPI
from fastapi.responses import RedirectResponse, Response
from starlette.types import Scope

from evergrid.console import assets, fleet_words, render
from evergrid.console.pages import (
    account,
    alarms,
    audit,
    driver,
    ledger,
    login,
    overview,
    people,
    plan,
    sessions,
    settings,
    signal,
    station,
    stations,
)
from evergrid.console.station_words import CellsTopic
from evergrid.live.api.access.guard import SAFE_METHODS
from evergrid.live.api.problem import RefusedError, as_json
from evergrid.live.api.service import Service

NOT_PAGES = ("/api/", "/static/")


def mount(app: FastAPI) -> None:
    """Add the pages to an interface that `evergrid.live.api.app.create` made.

    They show its view and ask its commands, for the people of its accounts, within its limits.
    """
    service: Service = app.state.service
    zone = service.settings.zone
    service.stream.topics |= {
        "bar": fleet_words.Topic(lambda now: fleet_words.bar(now.overview, zone), pulse=True),
        "words": fleet_words.Topic(fleet_words.first_page),
        "cells": CellsTopic(zone),
        "station": station.StationTopic(),
    }
    for part in (
        assets,
        login,
        overview,
        station,
        stations,
        sessions,
        signal,
        plan,
        alarms,
        ledger,
        audit,
        people,
        settings,
        driver,
        account,
    ):
        app.include_router(part.router)
    app.state.answer = _answer


def _answer(scope: Scope, refused: RefusedError) -> Response:
    if scope["path"].startswith(NOT_PAGES):
        return as_json(scope, refused)
    if refused.status == 401 and scope["method"] in SAFE_METHODS:
        return RedirectResponse(f"/login?next={quote(scope['path'])}", 303)
    return render.refusal(scope, refused)

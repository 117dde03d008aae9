"""Every case of `tests/data/hostile_urls.csv`, when a webhook is saved and when it is dialled.

The columns: the URL; the addresses that a resolver gives for its host; `yes` if it may be saved,
else a piece of what is said; `yes` if its addresses are dialled, else the class of the error; and
why.  `tests/integration/test_rebinding.py` has the resolvers that change their minds.
"""

from __future__ import annotations

import asyncio
import csv
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from webhook_service import dial
from webhook_service.address import refusal_of
from webhook_service.dial import Dialer, ForbiddenAddressError, NoSuchHostError, Origin
from webhook_service.url import problem_with_url
from webhook_service.wire import target_of

with (Path(__file__).parents[1] / "data" / "hostile_urls.csv").open(encoding="utf-8") as file:
    CASES = list(csv.DictReader(file))


def cases(column: str) -> list[Any]:
    return [
        pytest.param(case, id=f"{number}: {case['why']}")
        for number, case in enumerate(CASES, start=2)
        if case[column]
    ]


@pytest.mark.parametrize("case", cases("saved"))
def test_a_url_is_refused_when_it_is_saved(case):
    problem = problem_with_url(case["url"])

    if case["saved"] == "yes":
        assert problem is None
    else:
        assert problem is not None
        assert case["saved"] in problem


@pytest.mark.parametrize("case", cases("dialled"))
async def test_only_vetted_addresses_are_dialled(case, monkeypatch):
    dialled: list[str] = []

    async def start(infos: Sequence[Any], **_: object) -> socket.socket:
        dialled.extend(info[4][0] for info in infos)
        raise ConnectionRefusedError

    def lookup(host: str) -> list[str]:
        if not case["resolves"]:
            raise socket.gaierror("no such name")
        return str(case["resolves"]).split()

    monkeypatch.setattr(dial, "start_connection", start)
    assert await _outcome(case["url"], lookup) == case["dialled"]
    assert bool(dialled) == (case["dialled"] == "yes")
    assert not any(refusal_of(ip_address(address)) for address in dialled)


async def _outcome(url: str, lookup: dial.Lookup) -> str:
    """What becomes of a dial, in the words of the table."""
    dialer = Dialer((), lookup)
    try:
        target = target_of(url)
        await dialer.connect(Origin(target.tls, target.host, target.port), asyncio.Protocol)
    except ForbiddenAddressError:
        return "forbidden-address"
    except NoSuchHostError:
        return "dns"
    except ConnectionRefusedError:
        return "yes"
    except ValueError:
        return "webhook"
    finally:
        dialer.close()
    return "connected"


def test_there_are_as_many_cases_as_promised_and_no_two_are_alike():
    assert len({(case["url"], case["resolves"]) for case in CASES}) == len(CASES) >= 250
    assert all(case["why"] for case in CASES)

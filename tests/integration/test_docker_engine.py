"""Whether a Docker engine is there is found out without leaving a connection open."""

from __future__ import annotations

import gc
import socket

import pytest

from runtime.local_broker.docker import NO_ENGINE, why_no_engine


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_a_socket_that_is_not_there_is_no_engine(tmp_path):
    reason = why_no_engine({"DOCKER_HOST": f"unix://{tmp_path}/no.sock"})
    gc.collect()

    assert reason == NO_ENGINE


def test_a_port_where_nobody_listens_is_no_engine():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert why_no_engine({"DOCKER_HOST": f"tcp://127.0.0.1:{port}"}) == NO_ENGINE

"""nginx as the receiver of a bench, if it is installed: a receiver that costs less than ours."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.fast_receiver import FastReceiver

_CONFIGURATION = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 ""; }} }}
}}
"""


@asynccontextmanager
async def quickest() -> AsyncIterator[tuple[str, str]]:
    """What it is, and its URL: nginx, or else our own receiver."""
    program = shutil.which("nginx")
    if program is None:
        async with FastReceiver.started() as receiver:
            yield "bench.receiver", receiver.url
        return
    with TemporaryDirectory() as folder:
        port = _free_port()
        file = Path(folder) / "nginx.conf"
        file.write_text(_CONFIGURATION.format(folder=folder, port=port))
        process = await asyncio.create_subprocess_exec(
            program, "-c", str(file), "-p", folder, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            await _listens(port)
            yield "nginx", f"http://127.0.0.1:{port}/hooks"
        finally:
            process.terminate()
            await process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def _listens(port: int) -> None:
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise TimeoutError("nginx does not listen")

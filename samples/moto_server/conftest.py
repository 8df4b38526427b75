"""moto's pattern for clients of any process: a server of its own, started once."""

import pytest
from moto.server import ThreadedMotoServer


@pytest.fixture(scope="session")
def moto_server():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def valve_backend(moto_server):
    """The one line that lets the guard use it."""
    return moto_server

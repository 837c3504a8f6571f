import hashlib
import socket
import time

import pytest

from shiftscope.backbones import download
from shiftscope.errors import IntegrityError, WeightsUnavailableError


def test_a_file_comes_whole_and_is_checked(tmp_path):
    contents = b"weights" * 1000
    digest = hashlib.sha256(contents).hexdigest()[:8]
    served = tmp_path / f"net-{digest}.pth"
    served.write_bytes(contents)
    arrived = tmp_path / "cache" / served.name
    download.download(served.as_uri(), arrived, "net")
    assert arrived.read_bytes() == contents
    arrived.write_bytes(b"changed")
    with pytest.raises(IntegrityError, match="not the published file"):
        download.download(served.as_uri(), arrived, "net")


def test_what_cannot_be_reached_names_address_and_two_ways_out(tmp_path):
    url = "http://127.0.0.1:9/net.pth"
    with pytest.raises(WeightsUnavailableError) as caught:
        download.download(url, tmp_path / "net.pth", "net")
    for words in ("net:", url, "manifest", "choose another backbone"):
        assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
    assert download.reachable(url)


def test_a_server_that_never_answers_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        start = time.monotonic()
        with pytest.raises(WeightsUnavailableError):
            download.download(f"http://127.0.0.1:{server.getsockname()[1]}/a.pth", tmp_path / "a.pth", "net")
    assert time.monotonic() - start < 5

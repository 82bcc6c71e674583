"""Addresses where no model is served to us: each is told apart, with what to do, and none is probed for log-probabilities."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from serving import served

from datagov.cli import main
from datagov.errors import ConfigError, TargetRefused, TargetUnavailable
from detectors.targets.http.address import base_of, closed_to_us
from detectors.targets.http.client import Client
from detectors.targets.http.opening import check_endpoint
from detectors.targets.opening import OpenOptions

Open = Callable[..., Any]


def saying(answer: Response) -> FastAPI:
    """A web server that says the same whatever is asked."""
    app = FastAPI()
    app.api_route("/{path:path}", methods=["GET", "POST"])(lambda: answer)
    return app


@contextmanager
def listening(said: bytes) -> Iterator[str]:
    """A server that is none of the web: it reads, says something, and hangs up."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            self.request.sendall(said)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://host", "expected the URL"),
        ("http://", "expected the URL"),
        ("http://user:pw@host:1", "must not carry a key"),
        ("http://host/v1?key=abc", "must not carry a key"),
        ("http://host:abc", "Port could not be cast"),
        ("http://host:70000", "Port out of range"),
        ("http://host:0", "expected the URL"),
        ("http://[::1", "Invalid IPv6"),
        ("http://ho..st", "label empty"),
        ("http://a host", "expected the URL"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        base_of(url)
    assert "pw" not in caught.value.message
    assert base_of("https://host/x/v1/") == "https://host/x"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            HTMLResponse("<h1>Welcome</h1>"),
            r"no inference server: the answer is not JSON \(HTTP 200: Welcome\)",
        ),
        (HTMLResponse("<p>plain HTTP was sent</p>", 400), "no inference server.*whether it is http or https"),
        (PlainTextResponse("plain HTTP was sent", 400), "HTTP 400: plain HTTP was sent"),
        (PlainTextResponse("gone", 404), r"no model is served at this address \(HTTP 404: gone\)"),
        (PlainTextResponse("no", 405), "no model is served at this address"),
        (PlainTextResponse("no", 403), "access is refused .*DATAGOV_TARGET_KEY"),
        (RedirectResponse("https://other/\x1b"), r"sends us on to https://other/.*HTTP 307"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_address_without_a_model_is_no_target(
    tokenizer_file: Path, quick_limits: Any, answer: Response, said: str
) -> None:
    options = OpenOptions(tokenizer=tokenizer_file)
    with served(saying(answer)) as url, pytest.raises(TargetRefused, match=said) as caught:
        check_endpoint(url, options, quick_limits)
    assert url in caught.value.message
    assert "absent" not in caught.value.message
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize("fault", ["not_json", "deep"])
def test_a_server_of_models_that_answers_no_json_is_no_target(open_faulty: Open, fault: str) -> None:
    with pytest.raises(TargetRefused, match="the answer is not JSON"), open_faulty(fault):
        pass


def test_a_wrong_path_ends_with_4_and_the_address_that_was_meant(
    open_faulty: Open, tokenizer_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_faulty() as (target, _):
        url = target._endpoint.client.base
        for command in (["check"], ["check", "--api", "sglang"]):
            code = main(["detect", "target", *command, f"{url}/wrong", "--tokenizer", str(tokenizer_file)])
            said = capsys.readouterr()
            assert (code, said.out) == (4, "")
            assert "no model is served at this address (HTTP 404: Not Found)" in said.err
            assert f"such as {url};" in said.err


def test_a_key_that_is_missing_is_told_from_one_that_is_wrong(
    open_faulty: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATAGOV_TARGET_KEY", raising=False)
    with pytest.raises(TargetRefused, match="Put the endpoint's key into"), open_faulty("no_key"):
        pass
    monkeypatch.setenv("DATAGOV_TARGET_KEY", "s3cret")
    with pytest.raises(TargetRefused, match="DATAGOV_TARGET_KEY is not accepted"), open_faulty("no_key"):
        pass


def test_https_where_http_is_spoken_is_not_tried_again(open_faulty: Open, quick_limits: Any) -> None:
    with open_faulty() as (target, _):
        url = target._endpoint.client.base.replace("http:", "https:")
        with (
            Client(url, quick_limits) as client,
            pytest.raises(TargetUnavailable, match=r"models: what .* does not speak https .*write http://"),
        ):
            client.get("/v1/models")


def test_a_name_of_nobody_is_told_from_a_resolver_that_is_busy() -> None:
    nobody = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    assert "there is no host of this name" in (closed_to_us(nobody) or "")
    assert closed_to_us(socket.gaierror(socket.EAI_AGAIN, "Temporary failure")) is None


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-server\r\n"])
def test_what_is_no_web_server_is_said(quick_limits: Any, said: bytes) -> None:
    with (
        listening(said) as url,
        Client(url, quick_limits) as client,
        pytest.raises(TargetUnavailable, match=r"3 tries .*as a web server does.*or write https://"),
    ):
        client.get("/v1/models")


def test_nobody_at_the_url_is_said(quick_limits: Any) -> None:
    with (
        Client("http://127.0.0.1:9", quick_limits) as client,
        pytest.raises(TargetUnavailable, match=r"3 tries .*Nothing listens there"),
    ):
        client.get("/v1/models")

"""The emulator's settings, read once from the command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

DEVELOPMENT_KEY = "claimlens-development-key"
"""Public, like Azurite's: it protects nothing."""

DEFAULT_MODEL, NO_MODEL = "default", "none"


@dataclass(frozen=True, slots=True)
class Settings:
    host: str = "127.0.0.1"
    port: int = 10020
    key: str = DEVELOPMENT_KEY
    rate_limit_per_s: float = 0.0
    captions: bool = True
    workers: int = 2
    timeout_s: float = 60.0
    fetch_timeout_s: float = 20.0
    model: str = DEFAULT_MODEL
    custom_vision: str | None = None
    log_format: str = "auto"


def parse_settings(arguments: Sequence[str] | None = None) -> Settings:
    """Settings from ``arguments`` (the process's by default). Ends the process with code 2 on a bad one."""
    usual = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m emulators.vision",
        description="Azure AI Vision Image Analysis 4.0 and Custom Vision prediction on this machine: their wire "
        "protocols, answered by looking at the pixels.",
    )
    parser.add_argument("--host", default=usual.host, help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=usual.port, help="default: %(default)s")
    parser.add_argument("--key", default=usual.key, help="the account's key (default: %(default)s)")
    parser.add_argument(
        "--rate-limit",
        type=_not_negative,
        default=usual.rate_limit_per_s,
        metavar="CALLS_PER_S",
        help="more than this is answered 429 with Retry-After; 0: no limit (default)",
    )
    parser.add_argument(
        "--no-caption",
        action="store_true",
        help="be a region without captions: caption and denseCaptions are refused",
    )
    parser.add_argument(
        "--workers",
        type=int,
        choices=range(1, 33),
        default=usual.workers,
        metavar="N",
        help="pictures looked at at once, one core each (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout",
        type=_positive,
        default=usual.timeout_s,
        metavar="SECONDS",
        help="longest look at one picture (default: %(default)s)",
    )
    parser.add_argument(
        "--fetch-timeout",
        type=_positive,
        default=usual.fetch_timeout_s,
        metavar="SECONDS",
        help="longest wait for a picture behind a link (default: %(default)s)",
    )
    parser.add_argument(
        "--model",
        default=usual.model,
        metavar="PATH",
        help="folder with a model.yaml, or such a file: the classifier (default: the one that the set-up built); "
        "none: no classifier, pixels alone",
    )
    parser.add_argument(
        "--custom-vision",
        default=usual.custom_vision,
        metavar="FILE",
        help="YAML with the projects of Custom Vision (default: emulators/vision/custom/default.yaml)",
    )
    parser.add_argument(
        "--log-format",
        choices=("auto", "json", "console"),
        default=usual.log_format,
        help="auto: readable on a terminal, JSON elsewhere (default)",
    )
    given = parser.parse_args(arguments)
    return Settings(
        host=given.host,
        port=given.port,
        key=given.key,
        rate_limit_per_s=given.rate_limit,
        captions=not given.no_caption,
        workers=given.workers,
        timeout_s=given.timeout,
        fetch_timeout_s=given.fetch_timeout,
        model=given.model,
        custom_vision=given.custom_vision,
        log_format=given.log_format,
    )


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def _not_negative(text: str) -> float:
    value = float(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError("must not be below 0")
    return value

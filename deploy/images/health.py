"""The images' health check: ``health.py VARIABLE FILE [PATH]`` asks for PATH on the port in VARIABLE, else in FILE."""

import http.client
import os
import sys
from pathlib import Path

TIMEOUT_S = 4


def main(variable: str, file: str, path: str = "/healthz") -> int:
    """0 if the process answers 200, else 1 with the reason on standard error."""
    port = os.environ.get(variable) or Path(file).read_text()
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"{path} on port {port}: {error}\n")
        return 1
    if status != 200:
        sys.stderr.write(f"{path} on port {port}: {status}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

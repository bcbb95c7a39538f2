"""The container's health check: `python -m reel_driver.web.probe` ends with 0 while a watch model is served."""

from __future__ import annotations

import sys
import urllib.request

from reel_driver.config import setting


def main() -> int:
    """Ask the service on this machine how it is."""
    prefix = setting("REEL_DRIVER_API_PREFIX").strip("/")
    url = f"http://127.0.0.1:{setting('REEL_DRIVER_API_PORT')}/{prefix + '/' if prefix else ''}health"
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:
            return 0 if answer.status == 200 else 1
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main())

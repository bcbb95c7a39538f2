"""The service: every client's routes over HTTP. Read `app.py` first, then `gate.py`."""

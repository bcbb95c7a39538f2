"""Tables from outside, read: a file of titles and labels, or a live `atp` schema -> (frame, problems).

`files.py` tells what a file is, `delimited.py` takes text apart, `tidy.py` understands columns and values, `values.py` and
`dates.py` read one value.
"""

from __future__ import annotations

from reel_driver.ingest.atp import read_atp
from reel_driver.ingest.files import NeedsWhole, read_in_parts, read_table
from reel_driver.ingest.recognise import NAMING

__all__ = ["NAMING", "NeedsWhole", "read_atp", "read_in_parts", "read_table"]

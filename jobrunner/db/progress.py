"""What the newest attempt of a run says of itself: percent, message and phases, as JSON.

`{"attempt", "percent", "message", "phases": [{"name", "depth", "started_at", "ended_at", "error"}],
"phases_left_out"}`. A claim clears it.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from jobrunner.db.attempts import Claim

_WRITE = text("""
    UPDATE jobrunner.runs
       SET progress = CAST(:progress AS jsonb) || jsonb_build_object('attempt', attempt)
     WHERE id = :run_id AND claim_token = :token AND state = 'running'
""")


def write_progress(connection: Connection, held: Claim, said: Mapping[str, Any]) -> None:
    """Replace what was said before. Nothing is written once another attempt has been claimed."""
    values = {"run_id": held.run_id, "token": held.token, "progress": json.dumps(said)}
    connection.execute(_WRITE, values)

"""Events that travel in the item whose write they announce."""

import json
import os
import uuid
from datetime import datetime, timezone

# Of Lakeside's event ids: see `lakeside_domain::events`.
NAMESPACE = uuid.UUID("6c616b65-7369-6465-8000-6576656e7473")
SEPARATOR = "\x1f"


def wire_time(millis: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    moment = datetime.fromtimestamp(millis / 1000, tz=timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{millis % 1000:03d}Z"


def entry(source: str, detail_type: str, aggregate: str, causation_id: str, now: int, data: dict) -> dict:
    """The outbox entry of a fact that happens to `aggregate` at most once."""
    event_id = str(uuid.uuid5(NAMESPACE, SEPARATOR.join([source, aggregate, detail_type, "1"])))
    metadata = {
        "eventId": event_id,
        "occurredAt": wire_time(now),
        "correlationId": aggregate,
        "causationId": causation_id,
        "schemaVersion": 1,
    }
    detail = json.dumps({"metadata": metadata, "data": data}, separators=(",", ":"))
    event = {"eventId": event_id, "source": source, "detailType": detail_type, "detail": detail}
    trace = os.environ.get("_X_AMZN_TRACE_ID")
    return event | {"traceHeader": trace} if trace else event


def cause_of_message(aggregate: str, message_id: str) -> str:
    """The SQS message id as a cause."""
    try:
        return str(uuid.UUID(message_id))
    except ValueError:
        return str(uuid.uuid5(uuid.UUID(aggregate), message_id))

"""Writes down what AWS would bill: one JSON object a line, as long as the file is there to be written to.

Who counts makes the file, waits until everything has come to rest, reads it and takes it away; at all other times nothing is
written. It sees requests that come over HTTP and those that the emulator makes inside itself in the place of AWS: a queue that
is polled for a function, a message that a rule, the door or the saga sends.
"""

import contextvars
import json
import os
import re

from ministack.services import dynamodb, eventbridge, secretsmanager, ses_v2, sns, sqs

#: Names the file.
FILE = "LAKESIDE_METER"

#: Whether a message is sent by a request that is counted already.
COUNTED = contextvars.ContextVar("lakeside_counted", default=False)

READS = {"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"}
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}


def caller(headers):
    """The access key that signed a request."""
    found = re.search(r"Credential=([^/]+)/", headers.get("authorization") or "")
    return found.group(1) if found else None


class Meter:
    """Where it is written."""

    def __init__(self, path):
        self._path = path

    def runs(self):
        """Whether somebody counts."""
        return os.path.exists(self._path)

    def add(self, service, action, **more):
        """Writes one act, if somebody counts."""
        try:
            # Not made anew once it is taken away; each line by one write, so that threads do not mix theirs.
            line = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        except FileNotFoundError:
            return
        try:
            os.write(line, (json.dumps({"service": service, "action": action, **more}) + "\n").encode())
        finally:
            os.close(line)


def capacity(answer):
    """Capacity units in the answer of DynamoDB, of tables and indexes, by table."""
    consumed = answer.get("ConsumedCapacity") or []
    parts = consumed if isinstance(consumed, list) else [consumed]
    return {part["TableName"].rsplit("/", 1)[-1]: part.get("CapacityUnits", 0) for part in parts}


def capacity_of_batch(request):
    """Capacity units of a batch of reads, of which the emulator says nothing: items of up to 4 KB."""
    tables = request.get("RequestItems", {}).items()
    return {table.rsplit("/", 1)[-1]: len(part["Keys"]) * (1 if part.get("ConsistentRead") else 0.5)
            for table, part in tables}


def meter_dynamodb(meter):
    """Has every request say what it consumed."""
    handle = dynamodb.handle_request

    async def metered(method, path, headers, body, query_params):
        action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        if action not in READS | WRITES or not meter.runs():
            return await handle(method, path, headers, body, query_params)
        request = json.loads(body)
        asked = json.dumps({**request, "ReturnConsumedCapacity": "TOTAL"}).encode()
        status, answer_headers, answer = await handle(method, path, headers, asked, query_params)
        if status != 200:
            units = {}
        elif action == "BatchGetItem":
            units = capacity_of_batch(request)
        else:
            units = capacity(json.loads(answer))
        meter.add("dynamodb", action, by=caller(headers), kind="read" if action in READS else "write",
                  units=units, refused=status != 200, items=len(request.get("TransactItems") or [None]))
        return status, answer_headers, answer

    dynamodb.handle_request = metered


def meter_sqs(meter):
    """Counts requests, by whomever they are made."""
    dispatch, send = sqs._dispatch, sqs._act_send_message
    receive, delete = sqs._receive_messages_for_esm, sqs._delete_messages_for_esm
    deliver = eventbridge._dispatch_to_sqs

    async def metered(action, data, url):
        if action in {"SendMessage", "SendMessageBatch"}:
            meter.add("sqs", action)
        token = COUNTED.set(True)
        try:
            return await dispatch(action, data, url)
        finally:
            COUNTED.reset(token)

    def metered_send(data, url):
        if not COUNTED.get():
            meter.add("sqs", "SendMessage")
        return send(data, url)

    def metered_receive(url, most):
        batch = receive(url, most)
        if batch:
            meter.add("sqs", "ReceiveMessage")
        return batch

    def metered_delete(url, handles):
        if handles:
            meter.add("sqs", "DeleteMessageBatch")
        return delete(url, handles)

    def metered_delivery(*given, **named):
        meter.add("sqs", "SendMessage")
        return deliver(*given, **named)

    sqs._dispatch, sqs._act_send_message = metered, metered_send
    sqs._receive_messages_for_esm, sqs._delete_messages_for_esm = metered_receive, metered_delete
    eventbridge._dispatch_to_sqs = metered_delivery


def meter_events(meter):
    """Counts events that are put on buses, but for those that AWS itself says."""
    put = eventbridge._put_events

    def metered(data, *given, **named):
        for entry in data.get("Entries", []):
            if not str(entry.get("Source", "")).startswith("aws."):
                meter.add("events", "PutEvents", bytes=len(json.dumps(entry)))
        return put(data, *given, **named)

    eventbridge._put_events = metered


def meter_calls(meter, service, module):
    """Counts the requests of one service by their action."""
    handle = module.handle_request

    async def metered(method, path, headers, body, query_params):
        action = headers.get("x-amz-target", "").rsplit(".", 1)[-1] or f"{method} {path}"
        meter.add(service, action, by=caller(headers))
        return await handle(method, path, headers, body, query_params)

    module.handle_request = metered


def install():
    """Puts the meter between requests and services, if a file is named."""
    path = os.environ.get(FILE)
    if path is None:
        return
    meter = Meter(path)
    meter_dynamodb(meter)
    meter_sqs(meter)
    meter_events(meter)
    for service, module in (("ses", ses_v2), ("secretsmanager", secretsmanager), ("sns", sns)):
        meter_calls(meter, service, module)

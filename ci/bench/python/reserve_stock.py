"""Holds the stock of orders, all lines or none: `lakeside_inventory::reserve_stock` in Python with Powertools."""

import json
import os
import time
import uuid

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

import outbox
from tables import Refused, batch_get, item, plain, transact

logger = Logger(service="reserve-stock")
metrics = Metrics(namespace="Lakeside", service="reserve-stock")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)

client = boto3.client("dynamodb")
saga = boto3.client("stepfunctions")
TABLE = os.environ["INVENTORY_TABLE"]
HOLD_MILLIS = int(os.environ["RESERVATION_HOLD_SECONDS"]) * 1000
SOURCE = "lakeside.inventory"
OUT_OF_STOCK = "OUT_OF_STOCK"
ATTEMPTS = 5
MAX_ACTIONS = 100
HELD_SHARDS = 4
# A hold that ends this much before it should is renewed.
PUNCTUAL_MILLIS = 900_000


class Malformed(Exception):
    """A message that is no request for stock."""


class TooLarge(Exception):
    """An order that alone touches more items than one transaction holds."""


class Contended(Exception):
    """Others wrote in between, again and again: the message is delivered again."""


def read(record: SQSRecord) -> dict:
    """The event OrderCreated, or the saga's command."""
    try:
        body = json.loads(record.body)
        if "command" in body:
            if body["command"] != "ReserveStock":
                raise Malformed(f"`{body['command']}` is no command for this function")
            token, cause, data = body["taskToken"], body["metadata"]["causationId"], body
        else:
            if (body["source"], body["detail-type"]) != ("lakeside.orders", "OrderCreated"):
                raise Malformed("the event is no OrderCreated")
            token, cause, data = None, body["detail"]["metadata"]["eventId"], body["detail"]["data"]
        lines = [{"sku": line["sku"], "quantity": line["quantity"]} for line in data["lines"]]
        order_id = str(uuid.UUID(data["orderId"]))
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("the message is neither the event nor the command") from error
    if not lines or len({line["sku"] for line in lines}) < len(lines):
        raise Malformed("the order has no lines, or one SKU twice")
    return {"order_id": order_id, "lines": lines, "token": token, "cause": cause}


def key_of(order_id: str) -> dict:
    """The key of an order's reservation."""
    return {"pk": f"RESERVATION#{order_id}", "sk": "RESERVATION"}


def reservations(order_ids: list[str]) -> dict[str, dict]:
    """Those of the orders that have a reservation, whatever came of it."""
    found = batch_get(client, TABLE, [item(key_of(order_id)) for order_id in order_ids], consistent=True)
    return {each["orderId"]: each for each in found}


def availability(skus: list[str]) -> dict[str, dict[int, int]]:
    """What the pools of these SKUs have."""
    seen = {}
    for sku in skus:
        pages = client.get_paginator("query").paginate(
            TableName=TABLE,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=item({":pk": f"SKU#{sku}", ":prefix": "POOL#"}),
            ConsistentRead=True,
        )
        pools = [plain(each) for page in pages for each in page["Items"]]
        seen[sku] = {int(pool["sk"].removeprefix("POOL#")): int(pool["available"]) for pool in pools}
        seen[sku] = dict(sorted(seen[sku].items()))
    return seen


def take(pools: dict[int, int], units: int, by: uuid.UUID) -> list[tuple[int, int]]:
    """Takes units from the pools, from one that the batch prefers."""
    ids = list(pools)
    first = by.bytes[-1] % len(ids) if ids else 0
    takes = []
    for pool in ids[first:] + ids[:first]:
        taken = min(units, pools[pool])
        if taken:
            pools[pool] -= taken
            units -= taken
            takes.append((pool, taken))
    return takes


def plan(requests: list[dict], seen: dict[str, dict[int, int]]) -> tuple[dict, dict, dict]:
    """What each order gets or lacks, and what must still be true of each pool when it is written."""
    left = {sku: dict(pools) for sku, pools in seen.items()}
    by = uuid.UUID(requests[0]["order_id"])
    grants, refusals, guards = {}, {}, {}
    for request in requests:
        lines = request["lines"]
        short = [line for line in lines if sum(left[line["sku"]].values()) < line["quantity"]]
        if short:
            refusals[request["order_id"]] = [{"sku": line["sku"], "requested": line["quantity"]} for line in short]
            for line in short:
                pools = seen[line["sku"]]
                for pool, units in [*pools.items(), (max(pools, default=-1) + 1, 0)]:
                    guards.setdefault((line["sku"], pool), {})["at_most"] = units
            continue
        takes = []
        for line in lines:
            for pool, units in take(left[line["sku"]], line["quantity"], by):
                takes.append({"sku": line["sku"], "pool": pool, "units": units})
        grants[request["order_id"]] = takes
    for takes in grants.values():
        for each in takes:
            guard = guards.setdefault((each["sku"], each["pool"]), {})
            guard["take"] = guard.get("take", 0) + each["units"]
    return grants, refusals, guards


def fitting(requests: list[dict], seen: dict[str, dict[int, int]]) -> tuple[list[dict], tuple] | None:
    """As many of the first requests as one transaction holds, with their plan."""
    count = len(requests)
    while count:
        chunk = requests[:count]
        planned = plan(chunk, seen)
        if len(planned[2]) + len(chunk) <= MAX_ACTIONS:
            return chunk, planned
        count //= 2
    return None


def guarded(sku: str, pool: int, guard: dict) -> dict:
    """Takes what the plan takes of a pool, if what was read of it still holds."""
    conditions, values = [], {}
    if "take" in guard:
        conditions.append("available >= :take")
        values[":take"] = guard["take"]
    if "at_most" in guard:
        conditions.append("(attribute_not_exists(pk) OR available <= :at_most)")
        values[":at_most"] = guard["at_most"]
    action = {
        "TableName": TABLE,
        "Key": item({"pk": f"SKU#{sku}", "sk": f"POOL#{pool}"}),
        "ConditionExpression": " AND ".join(conditions),
    }
    if "take" not in guard:
        return {"ConditionCheck": action | {"ExpressionAttributeValues": item(values)}}
    action["UpdateExpression"] = (
        "SET available = available - :take, held = held + :take, version = if_not_exists(version, :none) + :one"
    )
    return {"Update": action | {"ExpressionAttributeValues": item(values | {":none": 0, ":one": 1})}}


def record_of(request: dict, planned: tuple, now: int) -> dict:
    """What is written of an order."""
    grants, refusals, _ = planned
    order_id = request["order_id"]
    expires_at = now + HOLD_MILLIS
    record = key_of(order_id) | {"orderId": order_id, "expiresAt": expires_at}
    if order_id in grants:
        data = {"orderId": order_id, "lines": request["lines"], "expiresAt": outbox.wire_time(expires_at)}
        event = outbox.entry(SOURCE, "StockReserved", order_id, request["cause"], now, data)
        record |= {"status": "HELD", "takes": grants[order_id]}
        record["heldShard"] = f"HELD#{uuid.UUID(order_id).bytes[-1] % HELD_SHARDS}"
    else:
        data = {"orderId": order_id, "reason": OUT_OF_STOCK, "shortages": refusals[order_id]}
        event = outbox.entry(SOURCE, "StockReservationFailed", order_id, request["cause"], now, data)
        record |= {"status": "REFUSED", "takes": []}
    return record | {"outbox": [event]}


def write(records: list[dict], guards: dict) -> bool:
    """Writes all reservations and takes their units; `False` if somebody was faster."""
    puts = [
        {"Put": {"TableName": TABLE, "Item": item(record), "ConditionExpression": "attribute_not_exists(pk)"}}
        for record in records
    ]
    try:
        transact(client, puts + [guarded(sku, pool, guard) for (sku, pool), guard in sorted(guards.items())])
        return True
    except Refused:
        return False


def decide(requests: list[dict], decided: dict[str, dict | None]) -> None:
    """Decides every order of the batch, in the order of arrival; `None` for one that is too large."""
    for _ in range(ATTEMPTS):
        undecided = [request["order_id"] for request in requests if request["order_id"] not in decided]
        if not undecided:
            return
        decided.update(reservations(undecided))
        pending = [request for request in requests if request["order_id"] not in decided]
        if not pending:
            return
        seen = availability(sorted({line["sku"] for request in pending for line in request["lines"]}))
        while pending and (fits := fitting(pending, seen)) is None:
            decided[pending.pop(0)["order_id"]] = None
        if not pending:
            return
        chunk, planned = fits
        now = time.time_ns() // 1_000_000
        records = [record_of(request, planned, now) for request in chunk]
        if write(records, planned[2]):
            for record in records:
                name = "StockReserved" if record["status"] == "HELD" else "ReservationsFailed"
                metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
                logger.info("stock decided", correlation_id=record["orderId"], status=record["status"])
                decided[record["orderId"]] = record


def lasting(current: dict) -> dict:
    """The reservation, held for long enough for the saga that asks now."""
    for _ in range(ATTEMPTS):
        now = time.time_ns() // 1_000_000
        full = now + HOLD_MILLIS
        if current["status"] != "HELD" or full <= int(current["expiresAt"]) + PUNCTUAL_MILLIS:
            return current
        values = {":held": "HELD", ":known": int(current["expiresAt"]), ":until": full}
        update = {
            "TableName": TABLE,
            "Key": item(key_of(current["orderId"])),
            "UpdateExpression": "SET expiresAt = :until",
            "ConditionExpression": "#status = :held AND expiresAt = :known",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": item(values),
        }
        try:
            transact(client, [{"Update": update}])
            return current | {"expiresAt": full}
        except Refused:
            current = reservations([current["orderId"]]).get(current["orderId"], current)
    raise Contended("the stock is contended")


def answer(token: str, reservation: dict) -> None:
    """Tells the saga that waits."""
    reservation = lasting(reservation)
    if reservation["status"] in ("HELD", "COMMITTED"):
        result = {"outcome": "RESERVED", "expiresAt": outbox.wire_time(int(reservation["expiresAt"]))}
    else:
        reason = OUT_OF_STOCK if reservation["status"] == "REFUSED" else "RESERVATION_CLOSED"
        result = {"outcome": "REFUSED", "reason": reason}
    try:
        saga.send_task_success(taskToken=token, output=json.dumps(result))
    except (saga.exceptions.TaskTimedOut, saga.exceptions.TaskDoesNotExist, saga.exceptions.InvalidToken):
        logger.info("nobody waits for the answer", correlation_id=reservation["orderId"])


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    """Decides all orders of a batch together, then answers the sagas that wait."""
    requests, unread, decided = {}, {}, {}
    for raw in event["Records"]:
        try:
            requests[raw["messageId"]] = read(SQSRecord(raw))
        except Malformed as error:
            unread[raw["messageId"]] = error
    unique = {request["order_id"]: request for request in reversed(requests.values())}
    ordered = [request for request in requests.values() if request is unique[request["order_id"]]]
    failure: Exception = Contended("the stock is contended")
    try:
        decide(ordered, decided)
    except Exception as error:
        failure = error

    def handle(record: SQSRecord) -> None:
        try:
            if record.message_id in unread:
                raise unread[record.message_id]
            request = requests[record.message_id]
            if request["order_id"] not in decided:
                raise failure
            reservation = decided[request["order_id"]]
            if reservation is None:
                raise TooLarge(f"order {request['order_id']} touches too many pools for one transaction")
            if request["token"]:
                answer(request["token"], reservation)
        except Exception:
            logger.exception("the message failed", message_id=record.message_id)
            raise

    with processor(records=event["Records"], handler=handle, lambda_context=context):
        processor.process()
    return processor.response()

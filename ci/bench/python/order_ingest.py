"""Turns submissions into orders: `lakeside_orders::order_ingest` in Python with Powertools."""

import hashlib
import json
import os
import time

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

import ids
import outbox
from tables import Busy, Refused, batch_get, item, plain, transact

logger = Logger(service="order-ingest")
metrics = Metrics(namespace="Lakeside", service="order-ingest")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)

client = boto3.client("dynamodb")
TABLE = os.environ["ORDERS_TABLE"]
SOURCE = "lakeside.orders"
KEPT_SECONDS = 30 * 24 * 3600
MAX_LINES = 20
MAX_QUANTITY = 999
MAX_AMOUNT = 2**63 - 1
MAX_KEYS = 100
OWN_CHANNELS = ("web", "app")
PARTNER_CHANNELS = ("marketplace", "store")
ABSENT = {"ConditionExpression": "attribute_not_exists(#pk)", "ExpressionAttributeNames": {"#pk": "pk"}}


class Rejected(Exception):
    """A submission that becomes no order; its text is the reason's code."""


class Malformed(Exception):
    """A message that is no submission."""


def whole(value) -> int:
    """A whole number, also one written as `2.0`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise Malformed("a number is not whole")
    return int(value)


def fields(value, names: set[str]) -> dict:
    """An object with these fields and no others."""
    if not isinstance(value, dict) or set(value) != names:
        raise Malformed("the order has other fields")
    return value


def text(value) -> str:
    """A string."""
    if not isinstance(value, str):
        raise Malformed("a field is no text")
    return value


def digest(of: bytes) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(of).hexdigest()


def read_body(body: str, is_partners: bool) -> dict:
    """The body of a submission in its canonical order of fields."""
    try:
        sent = json.loads(body)
    except json.JSONDecodeError as error:
        raise Malformed("the body is no JSON") from error
    names = {"lines", "expectedTotal", "paymentMethod", "shippingAddressId"}
    sent = fields(sent, names if is_partners else names | {"channel"})
    if not isinstance(sent["lines"], list):
        raise Malformed("the lines are no list")
    lines = [fields(line, {"sku", "quantity"}) for line in sent["lines"]]
    total = fields(sent["expectedTotal"], {"amount", "currency"})
    order = {} if is_partners else {"channel": text(sent["channel"])}
    order["lines"] = [{"sku": text(line["sku"]), "quantity": whole(line["quantity"])} for line in lines]
    order["expectedTotal"] = {"amount": whole(total["amount"]), "currency": text(total["currency"])}
    order["paymentMethod"] = text(sent["paymentMethod"])
    order["shippingAddressId"] = text(sent["shippingAddressId"])
    return order


def attribute(record: SQSRecord, name: str) -> str | None:
    """A message attribute."""
    found = record.message_attributes[name]
    return found.string_value if found else None


def place(order: dict, channel: str, catalogue: dict[str, dict]) -> dict:
    """The priced order, or why there is none."""
    lines = order["lines"]
    if any(not ids.SKU.fullmatch(line["sku"]) for line in lines):
        raise Rejected("MALFORMED_FIELD")
    if not ids.PAYMENT_METHOD.fullmatch(order["paymentMethod"]) or not ids.ADDRESS.fullmatch(order["shippingAddressId"]):
        raise Rejected("MALFORMED_FIELD")
    if not lines:
        raise Rejected("NO_LINES")
    if len(lines) > MAX_LINES:
        raise Rejected("TOO_MANY_LINES")
    seen, priced, total = set(), [], 0
    currency = order["expectedTotal"]["currency"]
    for line in lines:
        sku, quantity = line["sku"], line["quantity"]
        if sku in seen:
            raise Rejected("DUPLICATE_SKU")
        seen.add(sku)
        if not 1 <= quantity <= MAX_QUANTITY:
            raise Rejected("INVALID_QUANTITY")
        if sku not in catalogue:
            raise Rejected("UNKNOWN_SKU")
        price = {"amount": int(catalogue[sku]["amount"]), "currency": catalogue[sku]["currency"]}
        if price["currency"] != currency:
            raise Rejected("CURRENCY_MISMATCH")
        total += price["amount"] * quantity
        if total > MAX_AMOUNT:
            raise Rejected("TOTAL_OVERFLOW")
        priced.append({"sku": sku, "quantity": quantity, "unitPrice": price})
    if total != order["expectedTotal"]["amount"]:
        raise Rejected("PRICE_MISMATCH")
    return {
        "channel": channel,
        "lines": priced,
        "total": {"amount": total, "currency": currency},
        "paymentMethod": order["paymentMethod"],
        "shippingAddressId": order["shippingAddressId"],
    }


def key_of(order_id: str) -> dict:
    """The key of an order."""
    return {"pk": f"ORDER#{order_id}", "sk": "ORDER"}


def prices(skus: set[str]) -> dict[str, dict]:
    """The prices of those that are in the catalogue."""
    keys = [item({"pk": f"SKU#{sku}", "sk": "PRICE"}) for sku in sorted(skus)]
    catalogue = {}
    for start in range(0, len(keys), MAX_KEYS):
        for found in batch_get(client, TABLE, keys[start : start + MAX_KEYS], consistent=False):
            catalogue[found["pk"].removeprefix("SKU#")] = found["price"]
    return catalogue


def create(record: dict, is_accepted: bool) -> dict | None:
    """Writes the record if it is the first under its id; answers the one that is there already."""
    put = {
        "TableName": TABLE,
        "Item": item(key_of(record["orderId"]) | record),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        **ABSENT,
    }
    return accept(put, record) if is_accepted else reject(put)


def accept(put: dict, record: dict) -> dict | None:
    """Writes an order, together with a look at what its customer wanted before it came."""
    early = {"pk": f"ORDER#{record['orderId']}", "sk": f"CANCELLATION#{record['customerId']}"}
    check = {"TableName": TABLE, "Key": item(early), **ABSENT}
    try:
        transact(client, [{"Put": put}, {"ConditionCheck": check}])
        return None
    except Refused as refused:
        first = refused.reasons[0]
        if first.get("Code") != "ConditionalCheckFailed":
            raise Rejected("CANCELLED_BY_CUSTOMER") from refused
        if not first.get("Item"):
            raise Busy from refused
        return plain(first["Item"])


def reject(put: dict) -> dict | None:
    """Writes the record of a refused order."""
    try:
        client.put_item(**put)
        return None
    except client.exceptions.ConditionalCheckFailedException as refused:
        if not refused.response.get("Item"):
            raise Busy from refused
        return plain(refused.response["Item"])


def record_of(received: dict, catalogue: dict[str, dict], now: int, rejected: str | None) -> tuple[dict, bool]:
    """What is written of a submission, and whether it is an order."""
    order_id, customer_id = received["order_id"], received["customer_id"]
    record = {"orderId": order_id, "customerId": customer_id, "fingerprint": received["fingerprint"], "version": 1}
    try:
        if rejected:
            raise Rejected(rejected)
        channel = received["channel"] or received["body"]["channel"]
        if received["channel"] is None and channel not in OWN_CHANNELS:
            raise Rejected("MALFORMED_FIELD")
        order = place(received["body"], channel, catalogue)
    except Rejected as reason:
        data = {"orderId": order_id, "customerId": customer_id, "reason": str(reason)}
        record["state"] = {"state": "REJECTED", "reason": str(reason)}
        event = outbox.entry(SOURCE, "OrderRejected", order_id, received["cause"], now, data)
        return record | {"outbox": [event]}, False
    data = {"orderId": order_id, "customerId": customer_id, **order}
    record["state"] = {"state": "CREATED"}
    record["order"] = data | {"placedAt": now}
    event = outbox.entry(SOURCE, "OrderCreated", order_id, received["cause"], now, data)
    return record | {"outbox": [event]}, True


def receive(record: SQSRecord) -> dict | None:
    """A submission that was read; `None` if its order id is no UUID, which is recorded and over."""
    customer_id = attribute(record, "principal")
    if customer_id is None or not ids.CUSTOMER.fullmatch(customer_id):
        raise Malformed("the message names no principal")
    raw_id = attribute(record, "orderId") or ""
    order_id = ids.order_id(raw_id)
    if order_id is None:
        now = time.time_ns() // 1_000_000
        refused = {
            "pk": f"SUBMISSION#{record.message_id}",
            "sk": "REFUSED",
            "reason": "INVALID_ORDER_ID",
            "orderIdDigest": digest(raw_id.encode()),
            "receivedAt": now,
            "ttl": now // 1000 + KEPT_SECONDS,
        }
        client.put_item(TableName=TABLE, Item=item(refused))
        logger.warning("submission refused", message_id=record.message_id, reason="INVALID_ORDER_ID")
        return None
    channel = attribute(record, "channel")
    if channel is not None and channel not in PARTNER_CHANNELS:
        raise Malformed("the message names no channel of partners")
    body = read_body(record.body, is_partners=channel is not None)
    canonical = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return {
        "order_id": order_id,
        "customer_id": customer_id,
        "channel": channel,
        "body": body,
        "fingerprint": digest(canonical),
        "cause": outbox.cause_of_message(order_id, record.message_id),
    }


def ingest(received: dict, catalogue: dict[str, dict]) -> None:
    """Writes an order once."""
    now = time.time_ns() // 1_000_000
    record, is_accepted = record_of(received, catalogue, now, None)
    try:
        first = create(record, is_accepted)
    except Rejected as rejected:
        record, is_accepted = record_of(received, catalogue, now, str(rejected))
        first = create(record, is_accepted)
    order_id = received["order_id"]
    if first is None:
        name = "OrdersAccepted" if is_accepted else "OrdersRejected"
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
        logger.info("order recorded", correlation_id=order_id, state=record["state"]["state"])
    elif first["customerId"] == received["customer_id"] and first["fingerprint"] == received["fingerprint"]:
        logger.info("the same submission again", correlation_id=order_id)
    else:
        conflict = {
            "pk": f"ORDER#{order_id}",
            "sk": f"CONFLICT#{received['customer_id']}#{received['fingerprint']}",
            "orderId": order_id,
            "customerId": received["customer_id"],
            "fingerprint": received["fingerprint"],
            "receivedAt": now,
        }
        client.put_item(TableName=TABLE, Item=item(conflict))
        logger.warning("conflicting submission recorded", correlation_id=order_id)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    """Reads the prices of all of a batch's SKUs at once, then writes each order on its own."""
    received, unread = {}, {}
    for raw in event["Records"]:
        try:
            received[raw["messageId"]] = receive(SQSRecord(raw))
        except Exception as error:
            unread[raw["messageId"]] = error
    submissions = [submission for submission in received.values() if submission]
    skus = {line["sku"] for each in submissions for line in each["body"]["lines"] if ids.SKU.fullmatch(line["sku"])}
    catalogue = prices(skus)

    def handle(record: SQSRecord) -> None:
        try:
            if record.message_id in unread:
                raise unread[record.message_id]
            if submission := received[record.message_id]:
                ingest(submission, catalogue)
        except Exception:
            logger.exception("the message failed", message_id=record.message_id)
            raise

    with processor(records=event["Records"], handler=handle, lambda_context=context):
        processor.process()
    return processor.response()

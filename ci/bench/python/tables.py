"""Writing transactions to DynamoDB."""

import random
import time

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

ATTEMPTS = 5
BATCH_READS = 5
BACKOFF_SECONDS = 0.02

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class Busy(Exception):
    """The table cannot answer now: the message is delivered again."""


class Refused(Exception):
    """A condition does not hold; one reason for each action, as DynamoDB gives them."""

    def __init__(self, reasons: list[dict]):
        super().__init__("a condition does not hold")
        self.reasons = reasons


def item(value: dict) -> dict:
    """A dictionary as an item."""
    return {name: _serialize(part) for name, part in value.items()}


def plain(of_table: dict) -> dict:
    """An item as a dictionary."""
    return {name: _deserialize(part) for name, part in of_table.items()}


def transact(client, actions: list[dict]) -> None:
    """Writes all of the actions or none. Conflicts with other transactions are tried again with jitter."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            client.transact_write_items(TransactItems=actions)
            return
        except client.exceptions.TransactionCanceledException as cancelled:
            reasons = cancelled.response["CancellationReasons"]
            codes = {reason.get("Code") for reason in reasons}
            if "ConditionalCheckFailed" in codes:
                raise Refused(reasons) from cancelled
            if codes & {"ValidationError", "ItemCollectionSizeLimitExceeded"}:
                raise
            if codes & {"ThrottlingError", "ProvisionedThroughputExceeded"}:
                raise Busy from cancelled
            time.sleep(random.random() * BACKOFF_SECONDS * 2**attempt)
    raise Busy


def batch_get(client, table: str, keys: list[dict], consistent: bool) -> list[dict]:
    """The items under these keys. One that was not read must not look like one that is not there."""
    found = []
    wanted = {table: {"Keys": keys, "ConsistentRead": consistent}}
    for _ in range(BATCH_READS):
        if not wanted:
            return found
        try:
            read = client.batch_get_item(RequestItems=wanted)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ThrottlingException", "ProvisionedThroughputExceededException"):
                raise Busy from error
            raise
        found.extend(plain(each) for each in read["Responses"].get(table, []))
        wanted = read.get("UnprocessedKeys")
    if wanted:
        raise Busy
    return found

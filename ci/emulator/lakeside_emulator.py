"""The AWS emulator of the local cloud: MiniStack, taught two things about permissions.

It knows the condition key `dynamodb:LeadingKeys`, so that a function which reaches for another's items in its own
table is refused as AWS would refuse it. And it writes down who was allowed which action on which resource, so that
what the roles are granted can be compared with what they use. What would be billed is counted in lakeside_meter.py; that an
execution is redriven and a replay stopped is in lakeside_redrive.py and lakeside_replay.py.
"""

import contextvars
import gc
import json
import os
import re
from pathlib import Path

import lakeside_meter
import lakeside_redrive
import lakeside_replay
from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb

#: Where the authorizations go: one JSON object a line, each of them once.
RECORD = "LAKESIDE_AUTHORIZATIONS"

#: So many collections of the younger generations that the oldest is not collected.
NEVER = 2**31 - 1

#: The DynamoDB request in hand.
REQUEST = contextvars.ContextVar("lakeside_request", default={})

#: What no policy allows: a request whose partition key cannot be told is refused where keys are named.
UNKNOWN_KEY = "?"


def table_of(arn_or_name):
    """The name in a table's ARN, an index's ARN or a plain name."""
    return arn_or_name.split("table/", 1)[-1].split("/", 1)[0]


def hash_key_name(table, index=None):
    """What the partition key of a table or of one of its indexes is called; None if there is no such table."""
    found = dynamodb._tables.get(table)
    if found is None:
        return None
    if index is None:
        return found["pk_name"]
    for known in found.get("GlobalSecondaryIndexes", []) + found.get("LocalSecondaryIndexes", []):
        if known["IndexName"] == index:
            return next(key["AttributeName"] for key in known["KeySchema"] if key["KeyType"] == "HASH")
    return None


def scalar(value):
    """The value of a typed attribute such as `{"S": "ORDER#1"}`."""
    return str(next(iter(value.values()))) if isinstance(value, dict) and len(value) == 1 else UNKNOWN_KEY


def key_of_query(request, name):
    """The partition key that a key condition asks for."""
    names = request.get("ExpressionAttributeNames") or {}
    values = request.get("ExpressionAttributeValues") or {}
    for left, right in re.findall(r"([#\w.-]+)\s*=\s*(:\w+)", request.get("KeyConditionExpression") or ""):
        if names.get(left, left) == name and right in values:
            return scalar(values[right])
    return UNKNOWN_KEY


def keys_of_item_request(request):
    """The partition key of a request on one item or one query."""
    name = hash_key_name(table_of(request.get("TableName", "")), request.get("IndexName"))
    if name is None:
        return []
    for member in ("Key", "Item"):
        if isinstance(request.get(member), dict):
            return [scalar(request[member].get(name))]
    if "KeyConditionExpression" in request:
        return [key_of_query(request, name)]
    return []


def keys_of_batch(items, table):
    """The partition keys of the part of a batch that is for one table."""
    name = hash_key_name(table)
    of_table = next((part for named, part in items.items() if table_of(named) == table), [])
    keys = []
    for entry in of_table["Keys"] if isinstance(of_table, dict) else of_table:
        if isinstance(of_table, dict):
            keys.append(entry)
        else:
            keys.append(entry.get("PutRequest", {}).get("Item") or entry.get("DeleteRequest", {}).get("Key") or {})
    return [scalar(key.get(name)) for key in keys]


def leading_keys(resource, request):
    """The partition keys that a DynamoDB request is about, as far as the table in `resource` is concerned.

    Of a transaction they are those of all its items: AWS does not say whether each is held to its own key alone, and what
    is allowed all of them is allowed either way.
    """
    table = table_of(resource)
    if "TransactItems" in request:
        parts = [part for item in request["TransactItems"] for part in item.values() if isinstance(part, dict)]
        return [key for part in parts if table_of(part.get("TableName", "")) == table for key in keys_of_item_request(part)]
    if "RequestItems" in request:
        return keys_of_batch(request["RequestItems"], table)
    return keys_of_item_request(request)


def kind_of(key):
    """What items with such a key have in common: `ORDER#` of `ORDER#1`, `LEASE#create-label#` of `LEASE#create-label#1`."""
    return re.match(r"[A-Z]+#(?:[a-z-]+#)?|", key).group() or key


def parsed(body):
    """The JSON object that a request carries; empty if it carries none."""
    try:
        request = json.loads(body or b"{}")
    except (UnicodeDecodeError, json.JSONDecodeError):
        return {}
    return request if isinstance(request, dict) else {}


class Record:
    """The authorizations of this run."""

    def __init__(self, path):
        self._file = Path(path).open("a", encoding="utf-8", buffering=1)
        self._seen = set()

    def add(self, principal, action, resource, keys, allowed):
        """Writes one authorization, unless one on items of the same kinds is written already."""
        kinds = {kind_of(key): key for key in keys}
        seen = (principal, action, resource, frozenset(kinds), allowed)
        if seen not in self._seen:
            self._seen.add(seen)
            entry = {"principal": principal, "action": action, "resource": resource, "keys": sorted(kinds.values()),
                     "allowed": allowed}
            self._file.write(json.dumps(entry) + "\n")


def install(record):
    """Puts both between the requests and the evaluation of policies."""
    enforce, evaluate = iam_evaluator.enforce, iam_evaluator.evaluate
    context_of = iam_actions.dynamodb_service_context

    def context_and_request(body):
        REQUEST.set(parsed(body))
        return context_of(body)

    def enforce_with_keys(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        if iam_action.startswith("dynamodb:"):
            keys = leading_keys(resource_arn, REQUEST.get())
            if keys:
                service_context = {**(service_context or {}), "dynamodb:LeadingKeys": keys}
        return enforce(access_key_id, iam_action, service, region, resource_arn, service_context)

    def evaluate_and_record(ctx, policies, *limits):
        result = evaluate(ctx, policies, *limits)
        if record is not None:
            keys = ctx.service_context.get("dynamodb:leadingkeys") or []
            record.add(ctx.principal_arn, ctx.action, ctx.resource_arn, keys, result.decision == "Allow")
        return result

    iam_evaluator.enforce, iam_evaluator.evaluate = enforce_with_keys, evaluate_and_record
    iam_actions.dynamodb_service_context = context_and_request


def main():
    path = os.environ.get(RECORD)
    install(Record(path) if path else None)
    lakeside_meter.install()
    lakeside_redrive.install()
    lakeside_replay.install()
    from ministack.app import main as serve

    # With some ten thousand orders in memory, looking through all of it for garbage stops everything for a second and finds
    # next to nothing: only what is young is looked through.
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, NEVER)
    serve()


if __name__ == "__main__":
    main()

"""What identifiers look like: see `lakeside_domain::ids`."""

import re
import uuid

SKU = re.compile(r"[A-Z0-9][A-Z0-9-]{0,31}")
CUSTOMER = re.compile(r"[A-Za-z0-9_-]{1,64}")
PAYMENT_METHOD = re.compile(r"pm_[A-Za-z0-9_]{1,60}")
ADDRESS = re.compile(r"addr_[A-Za-z0-9_]{1,60}")
UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def order_id(text: str) -> str | None:
    """The order id in lower case; `None` if it is no hyphenated UUID."""
    return str(uuid.UUID(text)) if UUID.fullmatch(text) else None

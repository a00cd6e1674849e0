# SPDX-License-Identifier: Apache-2.0
"""Pages: MaxResults and NextToken. Pure.

EC2 developer guide, "Pagination"; DescribeTags (botocore's model): "between 5 and 1000". A larger
number of an action without a limit of its own in the model is refused, too.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.strict_ec2.errors import Ec2Error

LEAST = 5
MOST = 1000


def size(arguments: Mapping[str, Any]) -> int | None:
    """Return the length of a page, None for everything at once.

    :raises Ec2Error: InvalidParameterValue.
    """
    wanted: int | None = arguments.get("MaxResults")
    if wanted is None:
        return None
    if not LEAST <= wanted <= MOST:
        bound = f"greater than {LEAST}" if wanted < LEAST else f"less than {MOST}"
        raise Ec2Error(
            "InvalidParameterValue",
            f"Value ( {wanted} ) for parameter maxResults is invalid. Expecting a value {bound}.",
        )
    return wanted


def token(action: str, arguments: Mapping[str, Any], position: int) -> str:
    """Return a token for what comes after a position; it belongs to this very question."""
    return base64.urlsafe_b64encode(
        json.dumps([_question(action, arguments), position]).encode()
    ).decode()


def position(action: str, arguments: Mapping[str, Any]) -> int:
    """Return where the page begins: after this position, 0 at the start.

    :raises Ec2Error: InvalidNextToken, also for a token of another question.
    """
    text = arguments.get("NextToken")
    if not text:
        return 0
    try:
        question, found = json.loads(base64.urlsafe_b64decode(text.encode()))
    except (ValueError, TypeError):
        question, found = None, 0
    if question != _question(action, arguments) or not isinstance(found, int):
        raise Ec2Error("InvalidNextToken", "The specified NextToken is not valid")
    return found


def paged(
    action: str, key: str, rows: Sequence[dict[str, Any]], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Return one page of rows that do not change between the pages."""
    start, length = position(action, arguments), size(arguments)
    if length is None or start + length >= len(rows):
        return {key: list(rows[start:])}
    after = start + length
    return {key: list(rows[start:after]), "NextToken": token(action, arguments, after)}


def _question(action: str, arguments: Mapping[str, Any]) -> str:
    return json.dumps([action, arguments.get("Filters", [])], sort_keys=True)

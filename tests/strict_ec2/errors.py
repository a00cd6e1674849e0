# SPDX-License-Identifier: Apache-2.0
"""EC2's refusals, with the HTTP status that each code travels with."""

from __future__ import annotations

from xml.sax.saxutils import escape

STATUS_OF_CODE = {
    "AuthFailure": 401,
    "UnauthorizedOperation": 403,
    "DryRunOperation": 412,
    "InternalError": 500,
    "InsufficientInstanceCapacity": 500,
    "RequestLimitExceeded": 503,
    "Unavailable": 503,
}
"""HTTP status by code; every other code is a client error, 400.

EC2 API reference, "Error codes for the Amazon EC2 API": server error codes are 5xx; among them is
InsufficientInstanceCapacity, which is why an SDK retries it in place. That page gives no status
for a single code: 500 or 503, and 412 for DryRunOperation, are what clients have seen.
"""


class Ec2Error(Exception):
    """A request that is answered with an error of EC2's."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        """Keep what the answer will say; the status is the code's own unless given."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status or STATUS_OF_CODE.get(code, 400)

    def document(self, request_id: str) -> bytes:
        """Return the error as EC2 writes it (botocore.parsers.EC2QueryParser reads it back)."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
            f"<Code>{escape(self.code)}</Code><Message>{escape(self.message)}</Message>"
            f"</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        ).encode()


def not_implemented(what: str) -> Ec2Error:
    """Return the refusal of what EC2 knows and this endpoint does not: no test is fooled."""
    return Ec2Error("UnsupportedOperation", f"The strict endpoint does not know {what}.", 501)

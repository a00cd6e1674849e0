# SPDX-License-Identifier: Apache-2.0
"""EC2's error codes, as sets by what they mean to a burst host.

From EC2's page of error codes; where a code could stand in two sets, the one is taken whose
reaction does less harm. What is in no set and is a 5xx is ``Unavailable``, any other 4xx is
``InvalidRequest``.
"""

from __future__ import annotations

# Another size, place or provider may have room. Never retried in place.
CAPACITY = frozenset(
    {
        "InsufficientInstanceCapacity",
        "InsufficientHostCapacity",
        "InsufficientReservedInstanceCapacity",
        "InsufficientCapacity",
        "InsufficientCapacityOnHost",
        "InsufficientFreeAddressesInSubnet",
        "InsufficientAddressCapacity",
        "InsufficientVolumeCapacity",
        "ReservationCapacityExceeded",
        "UnfulfillableCapacity",
        "SpotMaxPriceTooLow",
        "MaxSpotInstanceCountExceeded",
        "Unsupported",
    }
)

# The account's own limits.
QUOTA = frozenset(
    {
        "InstanceLimitExceeded",
        "VcpuLimitExceeded",
        "VolumeLimitExceeded",
        "MaxIOPSLimitExceeded",
        "MaxScheduledInstanceCapacityExceeded",
        "PrivateIpAddressLimitExceeded",
        "NetworkInterfaceLimitExceeded",
        "ResourceLimitExceeded",
    }
)

# Only an operator can help: credentials or permissions.
ACCESS = frozenset(
    {
        "AuthFailure",
        "Blocked",
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "InvalidSecurityToken",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "OptInRequired",
        "PendingVerification",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
        "AccessDenied",
        "AccessDeniedException",
    }
)

THROTTLED = frozenset(
    {
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "EC2ThrottledException",
        "SlowDown",
        "BandwidthLimitExceeded",
    }
)

# No usable answer, whatever the HTTP status: what was asked may have been done.
UNAVAILABLE = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "ServiceUnavailable",
        "Unavailable",
        "RequestTimeout",
        "RequestTimeoutException",
    }
)

GONE = frozenset({"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"})

WRONG_STATE = frozenset(
    {
        "IncorrectInstanceState",
        "IncorrectState",
    }
)

TOKEN_SPENT = frozenset(
    {
        "IdempotentParameterMismatch",
        "IdempotentInstanceTerminated",
    }
)

KEY_EXISTS = frozenset({"InvalidKeyPair.Duplicate"})

# A machine that EC2 ended by itself says why in StateReason.Code, with these.
ENDED_FOR_CAPACITY = frozenset(
    {
        "Server.InsufficientInstanceCapacity",
        "Server.SpotInstanceTermination",
        "Server.SpotInstanceShutdown",
    }
)
ENDED_FOR_QUOTA = frozenset({"Client.VolumeLimitExceeded"})
ENDED_AS_INVALID = frozenset(
    {
        "Client.InvalidSnapshot.NotFound",
        "Client.InternalError",
        "Client.InvalidKMSKey.InvalidState",
    }
)
ENDED_BY_EC2 = frozenset({"Server.InternalError", "Server.ScheduledStop"})

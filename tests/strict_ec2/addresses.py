# SPDX-License-Identifier: Apache-2.0
"""Private addresses of one subnet. Pure.

VPC user guide, "Subnet CIDR blocks": the first four addresses and the last are reserved.
"""

from __future__ import annotations

import ipaddress

from tests.strict_ec2.errors import Ec2Error

RESERVED_AT_START = 4
RESERVED_AT_END = 1


class Addresses:
    """Which addresses of a subnet are whose."""

    def __init__(self, cidr: str) -> None:
        """Start with all free."""
        self._network = ipaddress.IPv4Network(cidr)
        self._first = int(self._network.network_address) + RESERVED_AT_START
        self._last = int(self._network.broadcast_address) - RESERVED_AT_END
        self._lowest_free = self._first
        self._taken: set[int] = set()

    @property
    def free(self) -> int:
        """How many machines still fit."""
        return self._last - self._first + 1 - len(self._taken)

    def check(self, address: str) -> None:
        """Refuse an address that a launch cannot have.

        :raises Ec2Error: InvalidParameterValue (outside, reserved, no address at all),
            InvalidIPAddress.InUse (EC2 API reference, "Error codes").
        """
        try:
            number = int(ipaddress.IPv4Address(address))
        except ipaddress.AddressValueError:
            raise Ec2Error(
                "InvalidParameterValue",
                f"Value ({address}) for parameter privateIpAddress is invalid.",
            ) from None
        if ipaddress.IPv4Address(number) not in self._network:
            raise Ec2Error(
                "InvalidParameterValue",
                f"Address {address} does not fall within the subnet's address range",
            )
        if not self._first <= number <= self._last:
            raise Ec2Error(
                "InvalidParameterValue", f"Address {address} is in subnet's reserved address range"
            )
        if number in self._taken:
            raise Ec2Error("InvalidIPAddress.InUse", f"Address {address} is in use.")

    def take(self, address: str | None) -> str:
        """Take this address, or the lowest that is free.

        :raises Ec2Error: as ``check``, or InsufficientFreeAddressesInSubnet.
        """
        if address is not None:
            self.check(address)
            self._taken.add(int(ipaddress.IPv4Address(address)))
            return address
        if self.free < 1:
            raise Ec2Error(
                "InsufficientFreeAddressesInSubnet",
                "The specified subnet does not have enough free addresses to satisfy the request.",
            )
        while self._lowest_free in self._taken:
            self._lowest_free += 1
        self._taken.add(self._lowest_free)
        return str(ipaddress.IPv4Address(self._lowest_free))

    def give_back(self, address: str) -> None:
        """Free an address."""
        number = int(ipaddress.IPv4Address(address))
        self._taken.discard(number)
        self._lowest_free = min(self._lowest_free, number)

# SPDX-License-Identifier: Apache-2.0
"""The EC2 Query protocol, both ways, driven by botocore's own service model.

A request's flat parameters are read into the operation's input shape; what the shape does not have
is an error of the caller. An answer is written by the output shape; what the shape does not have,
or what is of another type, is an error of ours: that is the check against the model.
"""

from __future__ import annotations

import base64
import binascii
import functools
import time
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

import botocore.loaders
import botocore.model
import botocore.validate

from tests.strict_ec2.errors import Ec2Error

COMMON_PARAMETERS = frozenset(
    {"Action", "Version", "AWSAccessKeyId", "Expires", "Signature", "SignatureMethod"}
    | {"SignatureVersion", "Timestamp", "SecurityToken"}
)
"""EC2 API reference, "Common query parameters": they belong to no operation's input."""

Writer = Callable[[Any], str]


class AnswerDiffersFromModel(Exception):
    """An answer of ours is not what the service model says that EC2 answers."""


@functools.lru_cache(maxsize=1)
def service_model() -> botocore.model.ServiceModel:
    """Return botocore's description of EC2; reading it takes a second, so it is kept."""
    document = botocore.loaders.Loader().load_service_model("ec2", "service-2")
    return botocore.model.ServiceModel(document, "ec2")


def arguments_of(parameters: Mapping[str, str]) -> dict[str, Any]:
    """Read a request's parameters into its operation's arguments, as boto3's caller wrote them.

    :raises Ec2Error: InvalidAction, NoSuchVersion, UnknownParameter, MissingParameter,
        InvalidParameterValue, MalformedQueryString, in EC2's words where they are known.
    """
    model = service_model()
    action = parameters.get("Action", "")
    if action not in model.operation_names:
        raise Ec2Error("InvalidAction", f"The action {action} is not valid for this web service.")
    if parameters.get("Version") != model.api_version:
        raise Ec2Error("NoSuchVersion", f"The version {parameters.get('Version')} does not exist.")
    shape = model.operation_model(action).input_shape
    own = {key: value for key, value in parameters.items() if key not in COMMON_PARAMETERS}
    if shape is None:
        return {}
    arguments: dict[str, Any] = _read(shape, _tree(own), "")
    report = botocore.validate.ParamValidator().validate(arguments, shape)
    if report.has_errors():
        raise Ec2Error("InvalidParameterValue", report.generate_report())
    return arguments


def answer_document(action: str, answer: Mapping[str, Any], request_id: str) -> bytes:
    """Write an answer as XML. O(length), without a tree in between.

    :raises AnswerDiffersFromModel: a key that the output shape has not, or a value of another type.
    """
    model = service_model()
    shape = model.operation_model(action).output_shape
    # RebootInstances and its like have no output shape and answer <return>.
    content = _structure(shape)(answer) if shape is not None else "<return>true</return>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<{action}Response xmlns="{model.metadata["xmlNamespace"]}/">'
        f"<requestId>{request_id}</requestId>{content}</{action}Response>"
    ).encode()


def _tree(parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return ``{"A.1.B": "x"}`` as ``{"A": {"1": {"B": "x"}}}``."""
    tree: dict[str, Any] = {}
    for name, value in parameters.items():
        *way, last = name.split(".")
        node = tree
        for step in way:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                raise Ec2Error("MalformedQueryString", f"{name} has a value and parts.")
        if last in node:
            raise Ec2Error("MalformedQueryString", f"{name} has a value and parts.")
        node[last] = value
    return tree


def _read(shape: Any, node: Any, path: str) -> Any:
    if isinstance(shape, botocore.model.StructureShape):
        return _read_structure(shape, node, path)
    if isinstance(shape, botocore.model.ListShape):
        if not isinstance(node, dict) or not all(key.isdigit() for key in node):
            raise Ec2Error("InvalidParameterValue", f"{path} is a list: {path}.1, {path}.2, ...")
        return [_read(shape.member, node[key], f"{path}.{key}") for key in sorted(node, key=int)]
    if not isinstance(node, str):
        raise Ec2Error("UnknownParameter", f"The parameter {path} has no parts.")
    return _read_scalar(shape, node, path)


def _read_structure(shape: Any, node: Any, path: str) -> dict[str, Any]:
    if not isinstance(node, dict):
        raise Ec2Error("InvalidParameterValue", f"The parameter {path} is made of parts.")
    names = _request_names(shape)
    values = {}
    for key, value in node.items():
        place = f"{path}.{key}" if path else key
        if key not in names:
            raise Ec2Error("UnknownParameter", f"The parameter {place} is not recognized")
        values[names[key]] = _read(shape.members[names[key]], value, place)
    for member in shape.required_members:
        if member not in values:
            place = f"{path}.{member}" if path else member
            raise Ec2Error("MissingParameter", f"The request must contain the parameter {place}")
    return values


def _request_names(shape: Any) -> dict[str, str]:
    """Return each member by the name it has in a request, as botocore's EC2Serializer writes it."""
    names = {}
    for member, inner in shape.members.items():
        name = inner.serialization.get("queryName")
        if name is None:
            name = inner.serialization.get("name", member)
            name = name[0].upper() + name[1:] if "name" in inner.serialization else name
        names[name] = member
    return names


def _read_scalar(shape: Any, text: str, path: str) -> Any:
    kind = shape.type_name
    try:
        if kind in ("integer", "long"):
            value = int(text)
            if not shape.metadata.get("min", value) <= value <= shape.metadata.get("max", value):
                raise ValueError(text)
            return value
        if kind in ("float", "double"):
            return float(text)
        if kind == "boolean":
            return {"true": True, "false": False}[text.lower()]
        if kind == "blob":
            return base64.b64decode(text, validate=True)
    except (ValueError, KeyError, binascii.Error):
        raise Ec2Error(
            "InvalidParameterValue", f"Value ({text[:64]}) for parameter {path} is invalid."
        ) from None
    if getattr(shape, "enum", None) and text not in shape.enum:
        raise Ec2Error("InvalidParameterValue", f"Invalid value '{text[:64]}' for {path}.")
    return text


@functools.cache
def _structure_by_name(name: str) -> Writer:
    return _make_structure(service_model().shape_for(name))


def _structure(shape: Any) -> Writer:
    # By name: a shape holds where it is used (its serialised name), its content does not.
    return _structure_by_name(shape.name)


def _make_structure(shape: Any) -> Writer:
    members = {}
    for member, inner in shape.members.items():
        name = inner.serialization.get("name", member)
        members[member] = (f"<{name}>", f"</{name}>", _writer(inner))

    def write(values: Any) -> str:
        parts = []
        for key, value in values.items():
            if value is None:
                continue
            try:
                start, end, inner = members[key]
            except KeyError:
                raise AnswerDiffersFromModel(f"{shape.name} has no {key}") from None
            parts.append(f"{start}{inner(value)}{end}")
        return "".join(parts)

    return write


def _writer(shape: Any) -> Writer:
    if isinstance(shape, botocore.model.StructureShape):
        # Late: shapes may hold themselves.
        return lambda value, name=shape.name: _structure_by_name(name)(value)  # type: ignore[misc]
    if isinstance(shape, botocore.model.ListShape):
        item = shape.member.serialization.get("name", "member")
        inner = _writer(shape.member)
        return lambda values: "".join(f"<{item}>{inner(value)}</{item}>" for value in values)
    return _scalar_writer(shape)


@functools.lru_cache(maxsize=4096)
def _iso(secs: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(secs)) + ".000Z"


_WRITERS: Mapping[str, tuple[type | tuple[type, ...], Writer]] = {
    "string": (str, escape),
    "integer": (int, str),
    "long": (int, str),
    "float": ((int, float), str),
    "double": ((int, float), str),
    "boolean": (bool, {True: "true", False: "false"}.__getitem__),
    "timestamp": ((int, float), lambda secs: _iso(int(secs))),
    "blob": (bytes, lambda content: base64.b64encode(content).decode()),
}
"""By the model's type: the Python types that a value may have, and how it is written."""


def _scalar_writer(shape: Any) -> Writer:
    kind = shape.type_name
    types, write = _WRITERS[kind]
    allowed = frozenset(getattr(shape, "enum", ()))

    def checked(value: Any) -> str:
        is_right = isinstance(value, types) and isinstance(value, bool) == (kind == "boolean")
        if not is_right or (allowed and value not in allowed):
            raise AnswerDiffersFromModel(f"{shape.name} ({kind}) cannot be {value!r}")
        return write(value)

    return checked

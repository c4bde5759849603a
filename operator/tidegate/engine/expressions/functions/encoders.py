"""The extension `encoders`: Base64 of the standard alphabet, with or without padding."""

import base64
import binascii
import re

from tidegate.engine.expressions.budget import Meter
from tidegate.engine.expressions.faults import Fault
from tidegate.engine.expressions.functions.table import Table

_SPACE = re.compile(r"[ \t\n\v\f\r]+")


def _encode(meter: Meter, data: bytes) -> str:
    meter.charge_text(len(data))
    meter.allocate(4 * len(data))
    return base64.b64encode(data).decode("ascii")


def _decode(meter: Meter, text: str) -> bytes:
    meter.charge_text(4 * len(text))
    meter.allocate(4 * len(text))
    dense = _SPACE.sub("", text)
    padded = dense + "=" * (-len(dense) % 4)
    try:
        return base64.b64decode(padded.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise Fault("the text is not Base64") from None


TABLE: Table = {("base64.encode", bytes): _encode, ("base64.decode", str): _decode}

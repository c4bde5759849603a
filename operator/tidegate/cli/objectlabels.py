"""Labels and annotations of objects: what an API server refuses of any object, whatever its kind.

https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.api.words import shown
from tidegate.engine.findings import Finding

_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_MAX_NAME, _MAX_PREFIX, _MAX_ANNOTATIONS = 63, 253, 256 * 1024

_VALUE = 'must be at most 63 letters, digits, "-", "_" and ".", and begin and end with a letter or digit'
_KEY = f'{_VALUE}, perhaps after a DNS domain and "/"'


def label_problems(metadata: Mapping[str, Any]) -> Iterator[Finding]:
    """Find what is wrong with labels and annotations; what is no text at all, others tell."""
    for field in ("labels", "annotations"):
        texts = metadata.get(field)
        for key in texts if isinstance(texts, dict) else ():
            # The keys of annotations are compared in lower case: a prefix with capitals passes there.
            if not _is_key(key.lower() if field == "annotations" else key):
                yield Finding(("metadata", field, key), f"Invalid value: {shown(key)}: the key {_KEY}")
    labels, annotations = metadata.get("labels"), metadata.get("annotations")
    for key, value in labels.items() if isinstance(labels, dict) else ():
        if isinstance(value, str) and value and not _is_name(value):
            yield Finding(("metadata", "labels", key), f"Invalid value: {shown(value)}: {_VALUE}")
    if isinstance(annotations, dict) and (size := _bytes_of(annotations)) > _MAX_ANNOTATIONS:
        message = f"Too long: all annotations together may have {_MAX_ANNOTATIONS:,} bytes, have {size:,}"
        yield Finding(("metadata", "annotations"), message)


def _is_key(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    has_prefix = len(prefix) <= _MAX_PREFIX and _PREFIX.fullmatch(prefix) is not None
    return _is_name(name) and (has_prefix or not slash)


def _is_name(text: str) -> bool:
    return len(text) <= _MAX_NAME and _NAME.fullmatch(text) is not None


def _bytes_of(annotations: Mapping[str, Any]) -> int:
    return sum(len(key.encode()) + len(str(value).encode()) for key, value in annotations.items())

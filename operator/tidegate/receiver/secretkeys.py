"""The keys that requests are verified with: read live from Secrets, with rights that the namespaces grant."""

import asyncio
import base64
import binascii
import logging
from collections.abc import Callable
from typing import NamedTuple

from tidegate.api.webhook import Verify, Webhook
from tidegate.errors import ApiError, Forbidden, NotFound, RequestRefused, Unavailable
from tidegate.kube.client import Client
from tidegate.kube.resources import SECRETS
from tidegate.receiver.signatures import keys_of

log = logging.getLogger(__name__)

FRESH_SECONDS = 5.0
"""A Secret is believed so long, and also that it cannot be read: no flood of requests becomes one of reads."""

Keys = tuple[bytes, ...]


class _Place(NamedTuple):
    namespace: str
    name: str
    key: str
    verify: Verify


class SecretKeys:
    """Reads Secrets, one read at a time for each; nothing of them is logged, or kept for more than some seconds."""

    def __init__(self, client: Client, monotonic: Callable[[], float]) -> None:
        self._client, self._monotonic = client, monotonic
        self._known: dict[_Place, tuple[float, asyncio.Task[Keys | RequestRefused]]] = {}

    async def of(self, namespace: str, webhook: Webhook) -> Keys:
        """Give the keys of a webhook.

        Raises:
            RequestRefused: they cannot be read; that is no fault of the request.
        """
        ref, now = webhook.secret_ref, self._monotonic()
        place = _Place(namespace, ref.name, ref.key, webhook.verify)
        self._forget_old(now)
        if place not in self._known:
            self._known[place] = now, asyncio.create_task(self._read(place))
        found = await asyncio.shield(self._known[place][1])
        if isinstance(found, RequestRefused):
            raise RequestRefused(found.status, found.message, retry_after=found.retry_after)
        return found

    def _forget_old(self, now: float) -> None:
        for place in [place for place, (since, _) in self._known.items() if now - since >= FRESH_SECONDS]:
            del self._known[place]

    async def _read(self, place: _Place) -> Keys | RequestRefused:
        try:
            return await self._keys(place)
        except (ApiError, ValueError) as error:
            secret = {"namespace": place.namespace, "secret": place.name, "key": place.key}
            log.warning("the Secret of a webhook cannot be used: %s", error, extra=secret)
            return _refusal(error)

    async def _keys(self, place: _Place) -> Keys:
        obj = await self._client.get(SECRETS, place.namespace, place.name)
        encoded = (obj.get("data") or {}).get(place.key)
        if encoded is None:
            raise ValueError(f'it has no key "{place.key}"')
        try:
            return keys_of(place.verify, base64.b64decode(encoded))
        except binascii.Error:
            raise ValueError("it is not base64") from None


def _refusal(error: Exception) -> RequestRefused:
    """Say what hinders, without the Secret's name: who asks was not verified."""
    match error:
        case Forbidden():
            what = "the receiver may not read the Secret of this trigger: its namespace must grant that"
        case NotFound():
            what = "the Secret of this trigger does not exist"
        case Unavailable():
            return RequestRefused(503, "the API server cannot be reached", retry_after=5)
        case ApiError():
            what = "the Secret of this trigger cannot be read"
        case _:
            what = "the Secret of this trigger has no usable key; the receiver's log says why"
    return RequestRefused(500, what)

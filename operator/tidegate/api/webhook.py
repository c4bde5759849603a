"""The source `webhook` of a trigger: requests over HTTP, each an event, signed with what a Secret holds."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from tidegate.api.base import Model, ObjectName

SecretKey = Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)]


class Verify(StrEnum):
    """How a request shows that it comes from who knows the secret."""

    STANDARD_WEBHOOKS = "StandardWebhooks"
    GITHUB = "GitHub"
    BEARER = "Bearer"


class SecretRef(Model):
    """A key of a Secret in the Flow's namespace."""

    name: ObjectName
    key: SecretKey


class Webhook(Model):
    """Starts a run for each event that is sent to /hooks/NAMESPACE/FLOW/TRIGGER of the receiver."""

    secret_ref: SecretRef = Field(
        description="What senders sign with. The namespace must grant `get` of this Secret to the receiver."
    )
    verify: Verify = Field(
        default=Verify.STANDARD_WEBHOOKS,
        strict=False,
        description="StandardWebhooks: headers webhook-id, -timestamp and -signature. GitHub: X-Hub-Signature-256."
        " Bearer: the secret itself is the token.",
    )
    max_pending: int = Field(
        default=1000, ge=1, le=10_000, description="Runs that have not begun; with so many, further events get 429."
    )

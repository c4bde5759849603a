"""A receiver's desk on an API server in memory: a Flow with a webhook, its Secret, and requests that come."""

import asyncio
import base64
import json

from kube.fake_api import FakeApi
from tidegate.kube.clocks import Clocks
from tidegate.kube.resources import FLOWRUNS, FLOWS, SECRETS
from tidegate.receiver.desk import Answer, Desk, Request
from tidegate.receiver.hooks import Hooks, Place, slim_flow
from tidegate.receiver.runs import Runs, see_run
from tidegate.receiver.secretkeys import SecretKeys
from tidegate.receiver.starting import Starting
from tidegate.receiver.telling import Telling

TOKEN = "t0ken"
START = 1_800_000_000.0
PLACE = Place("ns", "etl", "hook")
READY = {"type": "Ready", "status": "True", "reason": "Valid", "message": ""}


class Stage:
    """`hears` says whether news of runs reach the receiver; `outcomes` is what was counted."""

    def __init__(self, *, params=(), spec=None, **trigger):
        self.api, self.hooks, self.runs = FakeApi(), Hooks(), Runs(self.time)
        self.outcomes, self.ready, self.hears = [], True, True
        webhook = {"secretRef": {"name": "hook", "key": "token"}, "verify": "Bearer", **trigger.pop("webhook", {})}
        row = {"name": "hook", "webhook": webhook, **trigger}
        self.put_flow(
            {"tasks": [{"name": "a", "set": {"x": 1}}], "params": [*params], "triggers": [row], **(spec or {})}
        )
        self.put_secret(TOKEN)
        self.keys = SecretKeys(self.api, self.time)
        starting = Starting(self.api, self.runs, self.wall)
        self.desk = Desk(
            hooks=self.hooks,
            keys=self.keys,
            starting=starting,
            wall=self.wall,
            is_ready=lambda: self.ready,
            on_event=lambda place, result: self.outcomes.append((place, result)),
            on_trouble=Telling(self.api, Clocks(self.wall, self.time), "me").tell,
        )

    @staticmethod
    def time():
        return asyncio.get_running_loop().time()

    def wall(self):
        return START + self.time()

    def put_flow(self, spec, name="etl", conditions=(READY,), **meta):
        old = self.api.objects.get(("flows", "ns", name))
        body = {"metadata": {"generation": 1, **meta}, "spec": spec, "status": {"conditions": [*conditions]}}
        body["status"]["observedGeneration"] = 1
        obj = self.api.put(FLOWS, "ns", name, body)
        record = slim_flow(obj)
        if record is not None:
            self.hooks.take("ADDED" if old is None else "MODIFIED", record)
        return obj

    def edit(self, change=None, **trigger):
        """Change the Flow's spec, and its trigger."""
        spec = self.api.objects["flows", "ns", "etl"]["spec"]
        row = {**spec["triggers"][0], **trigger}
        self.put_flow({**spec, **(change or {}), "triggers": [row]})

    def put_secret(self, value):
        encoded = base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
        self.api.put(SECRETS, "ns", "hook", {"data": {"token": encoded}})

    def hear(self):
        for (plural, *_), obj in self.api.objects.items():
            if plural == "flowruns":
                self.runs.take("MODIFIED", see_run(obj))

    def begin(self):
        """Have the operator take up all runs."""
        for (plural, namespace, name), obj in list(self.api.objects.items()):
            if plural == "flowruns":
                self.api.put(FLOWRUNS, namespace, name, {**obj, "status": {"frozen": {}}})
        self.hear()

    @property
    def names(self):
        return sorted(name for plural, _, name in self.api.objects if plural == "flowruns")

    @property
    def events(self):
        return [f"{o['reason']}: {o['note']}" for (plural, *_), o in self.api.objects.items() if plural == "events"]

    def run(self, name):
        return self.api.objects["flowruns", "ns", name]

    async def send(self, body=None, headers=(), place=PLACE, token=TOKEN, **more) -> Answer:
        """Send an event; `body` is JSON, or bytes, or chunks of them."""
        if not hasattr(body, "__aiter__"):
            body = _chunks(body if isinstance(body, bytes) else json.dumps(body).encode())
        sent = {"authorization": f"Bearer {token}", **dict(headers)}
        answer = await self.desk.answer(place, Request(sent, body, **more))
        if self.hears:
            self.hear()
        return answer


async def _chunks(body):
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]

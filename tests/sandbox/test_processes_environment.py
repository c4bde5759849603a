"""What a container finds in its environment, and how it waits for what is not there yet."""

import base64
import os

import pytest

from sandbox.machine import a_machine, terminated
from tidegate.sandbox.kinds import CONFIGMAPS


@pytest.fixture
async def machine(tmp_path):
    async with a_machine(tmp_path) as made:
        yield made


def variable(name, **source):
    return {"name": name, "valueFrom": source}


def key_of(name, key, **fields):
    return {"name": name, "key": key, **fields}


def encoded(text):
    return base64.b64encode(text.encode()).decode()


async def waiting(machine, reason):
    def state(pod):
        return pod["status"].get("containerStatuses", [{"state": {}}])[0]["state"].get("waiting", {})

    pod = await machine.until("p", lambda pod: state(pod).get("reason") == reason and state(pod).get("message"))
    return state(pod)["message"]


async def test_nothing_of_our_own_environment_comes_in(machine, monkeypatch):
    monkeypatch.setenv("TIDEGATE_TEST_SECRET", "leaked")
    lines = (await machine.printed("env")).splitlines()
    names = {line.partition("=")[0] for line in lines}
    assert names <= {"PATH", "HOME", "HOSTNAME", "LANG", "PWD", "OLDPWD", "SHLVL", "_"}
    assert {"HOSTNAME=p", "LANG=C.UTF-8"} <= set(lines)


async def test_values_use_what_was_defined_before_them(machine):
    env = [
        {"name": "A", "value": "1"},
        {"name": "B", "value": "$(A)$(C)$$(A)"},
        {"name": "C", "value": "3"},
        {"name": "PATH", "value": os.environ["PATH"]},
    ]
    pod = await machine.run(command=["echo", "$(B)", "$(NOPE)"], args=["$(C)"], env=env)
    assert pod["status"]["phase"] == "Succeeded"
    assert await machine.log() == "1$(C)$(A) $(NOPE) 3\n"


async def test_values_come_from_configmaps_secrets_and_the_pod(machine):
    machine.config("settings", {"color": "blue"})
    machine.secret("keys", {"token": encoded("s3cret")})
    env = [
        variable("COLOR", configMapKeyRef=key_of("settings", "color")),
        variable("TOKEN", secretKeyRef=key_of("keys", "token")),
        variable("NONE", configMapKeyRef=key_of("settings", "shape", optional=True)),
        variable("NONE2", secretKeyRef=key_of("absent", "shape", optional=True)),
        variable("NAME", fieldRef={"fieldPath": "metadata.name"}),
        variable("SPACE", fieldRef={"fieldPath": "metadata.namespace"}),
        variable("ITEM", fieldRef={"fieldPath": "metadata.labels['tidegate.dev/item']"}),
        variable("NOTE", fieldRef={"fieldPath": "metadata.annotations['note']"}),
        variable("IP", fieldRef={"fieldPath": "status.podIP"}),
        variable("NODE", fieldRef={"fieldPath": "spec.nodeName"}),
        variable("ACCOUNT", fieldRef={"fieldPath": "spec.serviceAccountName"}),
        {"name": "BOTH", "value": "$(COLOR) $(TOKEN)"},
    ]
    text = await machine.printed(
        "echo $COLOR $TOKEN ${NONE-unset} ${NONE2-unset} $NAME $SPACE $ITEM $NOTE $IP $NODE $ACCOUNT; echo $BOTH",
        env=env,
        serviceAccountName="robot",
        metadata={"labels": {"tidegate.dev/item": "7"}, "annotations": {"note": "hi"}},
    )
    assert text == "blue s3cret unset unset p default 7 hi 127.0.0.1 sandbox robot\nblue s3cret\n"


async def test_whole_objects_come_in_with_a_prefix_and_give_way_to_env(machine):
    machine.config("settings", {"A": "1", "B": "2"})
    machine.secret("keys", {"A": encoded("s")})
    sources = [
        {"configMapRef": {"name": "settings"}},
        {"prefix": "K_", "secretRef": {"name": "keys"}},
        {"configMapRef": {"name": "absent", "optional": True}},
    ]
    env = [{"name": "B", "value": "env-$(A)"}]
    assert await machine.printed("echo $A $B $K_A", envFrom=sources, env=env) == "1 env-1 s\n"


async def test_a_container_waits_for_a_configmap_and_its_key(machine):
    env = [variable("COLOR", configMapKeyRef=key_of("settings", "color"))]
    machine.pod(command=["sh", "-c", "echo $COLOR"], env=env)
    assert await waiting(machine, "CreateContainerConfigError") == 'configmap "settings" not found'
    machine.config("settings", {"shape": "round"})
    await machine.until("p", lambda pod: "couldn't find key color in ConfigMap default/settings" in str(pod["status"]))
    machine.world.patch_merge(CONFIGMAPS, "default", "settings", {"data": {"color": "red"}})
    machine.step()
    assert (await machine.end_of())["status"]["phase"] == "Succeeded"
    assert await machine.log() == "red\n"


async def test_a_missing_secret_is_told_in_the_kubelets_words(machine):
    machine.pod(command=["true"], env=[variable("TOKEN", secretKeyRef=key_of("keys", "token"))])
    assert await waiting(machine, "CreateContainerConfigError") == 'secret "keys" not found'
    machine.secret("keys", {"token": encoded("now")})
    assert terminated(await machine.end_of())["exitCode"] == 0


async def test_a_missing_volume_source_is_waited_for(machine):
    machine.pod(
        command=["cat", "data/a"],
        volumeMounts=[{"name": "v", "mountPath": "data"}],
        volumes=[{"name": "v", "configMap": {"name": "files", "items": [{"key": "a", "path": "a"}]}}],
    )
    expected = 'MountVolume.SetUp failed for volume "v" : configmap "files" not found'
    assert await waiting(machine, "ContainerCreating") == expected
    machine.config("files", {"b": "2"})
    await machine.until("p", lambda pod: "references non-existent config key: a" in str(pod["status"]))
    machine.world.patch_merge(CONFIGMAPS, "default", "files", {"data": {"a": "here"}})
    machine.step()
    assert (await machine.end_of())["status"]["phase"] == "Succeeded"
    assert await machine.log() == "here"

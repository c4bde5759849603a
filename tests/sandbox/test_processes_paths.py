"""Volumes, working directories and termination messages, with a mount namespace and without one."""

import base64
from pathlib import Path

import pytest

from sandbox.machine import a_machine, terminated
from tidegate.sandbox.keeper.probe import isolation

KINDS = ["none", *(["user"] if isolation() != "none" else []), *(["root"] if isolation() == "root" else [])]


@pytest.fixture(params=KINDS)
async def machine(tmp_path, request):
    async with a_machine(tmp_path, isolation=request.param) as made:
        before = names_in("/"), names_in("/dev")
        yield made
        assert (names_in("/"), names_in("/dev")) == before


@pytest.fixture(params=KINDS[1:])
async def isolated(tmp_path, request):
    async with a_machine(tmp_path, isolation=request.param) as made:
        yield made


@pytest.fixture
async def plain(tmp_path):
    async with a_machine(tmp_path, isolation="none") as made:
        yield made


def names_in(directory):
    return sorted(path.name for path in Path(directory).iterdir())


def mounted(path, source, **fields):
    return {"volumes": [{"name": "v", **source}], "volumeMounts": [{"name": "v", "mountPath": path, **fields}]}


OUTPUT = {
    "terminationMessagePath": "/tidegate/output/result",
    "env": [{"name": "TIDEGATE_OUTPUT", "value": "/tidegate/output/result"}],
}


async def test_a_script_under_our_own_path_runs(machine):
    machine.config("script", {"main": 'cat "$0"; echo; echo "$1"; echo done > "$TIDEGATE_OUTPUT"'})
    pod = await machine.run(
        command=["sh", "/tidegate/script/main", "/tidegate/script/main"],
        **mounted("/tidegate/script", {"configMap": {"name": "script"}}, readOnly=True),
        **OUTPUT,
    )
    assert pod["status"]["phase"] == "Succeeded", await machine.log()
    assert terminated(pod)["message"] == "done\n"


async def test_a_relative_mount_lies_below_the_working_directory(machine):
    machine.config("files", {"a.txt": "hello"})
    assert await machine.printed("cat data/in/a.txt", **mounted("data/in", {"configMap": {"name": "files"}})) == "hello"


async def test_items_modes_and_binary_data(machine):
    machine.secret("keys", {"bin": base64.b64encode(b"\x00\xff").decode(), "other": ""})
    source = {"secret": {"secretName": "keys", "defaultMode": 0o400, "items": [{"key": "bin", "path": "deep/er"}]}}
    text = await machine.printed("ls -l data/deep/er; od -An -tx1 data/deep/er; ls data", **mounted("data", source))
    assert text.startswith("-r--------")
    assert text.split()[-3:] == ["00", "ff", "deep"]


async def test_a_projected_volume_joins_its_sources(machine):
    machine.config("files", {"a": "A"})
    sources = [
        {"configMap": {"name": "files"}},
        {"secret": {"name": "absent", "optional": True}},
        {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    ]
    text = await machine.printed(
        "cat data/a data/labels",
        **mounted("data", {"projected": {"sources": sources}}),
        metadata={"labels": {"x": "y"}},
    )
    assert text == 'Ax="y"'


async def test_a_sub_path_shows_one_file_and_a_missing_one_an_empty_directory(machine):
    machine.config("items", {"0": "zero", "1": "one"})
    mounts = [
        {"name": "v", "mountPath": "/tidegate/item", "subPathExpr": "$(INDEX)"},
        {"name": "v", "mountPath": "/tidegate/none", "subPath": "7"},
    ]
    pod = await machine.run(
        command=["sh", "-c", "cat /tidegate/item; ls -A /tidegate/none"],
        env=[{"name": "INDEX", "value": "1"}],
        volumes=[{"name": "v", "configMap": {"name": "items"}}],
        volumeMounts=mounts,
    )
    assert pod["status"]["phase"] == "Succeeded"
    assert await machine.log() == "one"


@pytest.mark.parametrize("path", ["../outside", "a/../../b"])
async def test_a_path_that_leads_out_of_its_volume_is_refused(machine, path):
    pod = await machine.run(command=["true"], **mounted("data", {"emptyDir": {}}, subPath=path))
    assert "leads out of its directory" in pod["status"]["message"]


async def test_a_relative_working_directory_is_made(machine):
    assert (await machine.printed("pwd", workingDir="a/b")).endswith("/a/b\n")


async def test_the_message_is_the_last_4096_bytes(machine):
    pod = await machine.run(command=["sh", "-c", "printf %05000d 7 | sed 's/^0/x/' > $TIDEGATE_OUTPUT"], **OUTPUT)
    message = terminated(pod)["message"]
    assert (len(message), message[0], message[-1]) == (4096, "0", "7")


async def test_bytes_that_are_not_utf_8_are_replaced(machine):
    pod = await machine.run(command=["sh", "-c", r"printf 'a\377b' > $TIDEGATE_OUTPUT"], **OUTPUT)
    assert terminated(pod)["message"] == "a�b"


async def test_a_message_path_that_the_command_names_itself(machine):
    pod = await machine.run(command=["sh", "-c", "echo said > /dev/termination-log"])
    assert terminated(pod).get("message") == "said\n"


async def test_a_failure_without_message_may_tell_the_log(machine):
    policy = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    failed = await machine.run("failed", command=["sh", "-c", "seq 100; exit 1"], **policy)
    assert terminated(failed)["message"] == "".join(f"{n}\n" for n in range(21, 101))
    told = await machine.run(
        "told", command=["sh", "-c", "seq 100; echo why > $TIDEGATE_OUTPUT; exit 1"], **OUTPUT | policy
    )
    assert terminated(told)["message"] == "why\n"
    fine = await machine.run("fine", command=["seq", "100"], **policy)
    assert "message" not in terminated(fine) or not terminated(fine)["message"]


async def test_an_absolute_mount_is_where_the_manifest_says(isolated):
    machine = isolated
    machine.config("files", {"a": "hello "})
    text = await machine.printed(
        "cat /srv-of-test/deep/data/a; cd /srv-of-test; pwd; ls /proc/self/exe /bin/sh",
        **mounted("/srv-of-test/deep/data", {"configMap": {"name": "files"}}),
    )
    assert text.startswith("hello /srv-of-test\n")
    assert "srv-of-test" not in names_in("/")


async def test_a_mount_over_a_directory_that_the_machine_has_covers_it_for_the_container_only(isolated):
    before = names_in("/var")
    command = "ls -A /var | wc -l; touch /var/of-test && pwd"
    text = await isolated.printed(command, **mounted("/var", {"emptyDir": {}}))
    assert text.startswith("0\n/")
    assert names_in("/var") == before


async def test_a_mount_over_the_sandbox_itself_leaves_the_container_its_own_places(isolated, tmp_path):
    covering = str(tmp_path.parent)
    text = await isolated.printed("touch here; ls; pwd", **mounted(covering, {"emptyDir": {}}))
    assert text.startswith(f"here\n{tmp_path}/")


async def test_a_mount_beside_files_of_the_machine_keeps_them(isolated):
    text = await isolated.printed(
        "head -c 4 /etc/passwd; ls /etc/of-test/deep", **mounted("/etc/of-test/deep", {"emptyDir": {}})
    )
    assert text
    assert "of-test" not in names_in("/etc")


async def test_a_read_only_mount_cannot_be_written(isolated):
    machine = isolated
    command = "touch /tidegate/data/x && exit 1; exit 0"
    assert "Read-only" in await machine.printed(command, **mounted("/tidegate/data", {"emptyDir": {}}, readOnly=True))


async def test_an_absolute_working_directory_that_the_machine_lacks_is_private(isolated):
    assert await isolated.printed("touch x; pwd; ls", workingDir="/app-of-test/src") == "/app-of-test/src\nx\n"
    assert "app-of-test" not in names_in("/")


async def test_nested_mounts(isolated):
    text = await isolated.printed(
        "touch /tidegate/a/b/inner /tidegate/a/outer; ls /tidegate/a /tidegate/a/b",
        volumes=[{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {}}],
        volumeMounts=[{"name": "w", "mountPath": "/tidegate/a/b"}, {"name": "v", "mountPath": "/tidegate/a"}],
    )
    assert text == "/tidegate/a:\nb\nouter\n\n/tidegate/a/b:\ninner\n"


@pytest.mark.parametrize(
    "fields", [mounted("/data", {"emptyDir": {}}), {"workingDir": "/app"}, {"workingDir": "/tidegates"}]
)
async def test_without_namespaces_a_path_outside_is_refused(plain, fields):
    pod = await plain.run(command=["true"], **fields)
    assert pod["status"]["phase"] == "Failed"
    assert "lies outside of the working directory" in pod["status"]["message"]


async def test_without_namespaces_paths_are_replaced_wherever_they_stand(plain):
    plain.config("files", {"a": "hello"})
    text = await plain.printed(
        "cat /tidegate/files/a; cat ${LIST#*:}; cd /tidegate/files && ls; echo /tidegate/files-of-others",
        **mounted("/tidegate/files", {"configMap": {"name": "files"}}),
        env=[{"name": "LIST", "value": "x:/tidegate/files/a"}],
        workingDir="/tidegate/work",
    )
    assert text == "hellohelloa\n/tidegate/files-of-others\n"

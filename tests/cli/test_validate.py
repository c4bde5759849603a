"""`tidegate validate`: each kind of bad input is told with its place, all at once, in one form."""

import json
import subprocess
import sys
import textwrap

import pytest
from click.testing import CliRunner

from tidegate.cli.main import main

HEAD = "apiVersion: tidegate.dev/v1alpha1\nkind: Flow\nmetadata: {name: etl}\nspec:\n"
"""Four lines: what the tests append begins in line 5."""

VALID = HEAD + "  tasks:\n  - {name: a, set: {x: 1}}\n"


def validate(*args, text=None):
    return CliRunner().invoke(main, ["validate", *args], input=text)


def told(text):
    result = validate("-", text=text)
    assert result.exit_code == 2, result.output
    return result.stdout.splitlines()


def spec(text):
    return HEAD + textwrap.indent(textwrap.dedent(text).lstrip("\n"), "  ")


RERUN = """apiVersion: tidegate.dev/v1alpha1
kind: FlowRun
metadata: {name: again}
spec: {flowRef: {name: etl}, rerun: {of: first}}
"""

BAD = {
    "cycle": (
        spec("""
            tasks:
            - {name: a, needs: [c], set: {x: 1}}
            - {name: b, needs: [a], set: {x: 1}}
            - {name: c, needs: [b], set: {x: 1}}
        """),
        ["6:22: spec.tasks[0].needs: the needs form a cycle: a -> c -> b -> a"],
    ),
    "unknown need": (
        spec("""
            tasks:
            - {name: load, set: {x: 1}}
            - {name: show, needs: [laod], set: {x: 1}}
        """),
        ['7:26: spec.tasks[1].needs[0]: there is no task "laod"; did you mean "load"?'],
    ),
    "duplicate task": (
        spec("""
            tasks:
            - {name: load, set: {x: 1}}
            - {name: load, set: {x: 1}}
        """),
        ['7:12: spec.tasks[1].name: "load" is the name of another task too (spec.tasks[0])'],
    ),
    "unknown field": (
        spec("""
            paralelism: 3
            tasks:
            - {name: a, set: {x: 1}}
        """),
        ['5:3: spec.paralelism: unknown field "paralelism"; did you mean "parallelism"?'],
    ),
    "reference to a task that is no ancestor": (
        spec("""
            tasks:
            - {name: a, set: {x: 1}}
            - name: b
              set: {z: "$[[ tasks.a.outputs.x ]]"}
        """),
        [
            (
                '8:19: spec.tasks[1].set.z: "a" is not among the ancestors of "b": '
                'it may not have ended yet; add "a" to needs'
            )
        ],
    ),
    "unknown param": (
        spec("""
            params:
            - {name: day, type: date}
            tasks:
            - name: a
              set: {z: "$[[ params.dya ]]"}
        """),
        ['9:26: spec.tasks[0].set.z: params has no "dya": did you mean "day"?'],
    ),
    "a default out of range": (
        spec("""
            params:
            - {name: top, type: integer, default: 7, maximum: 5}
            tasks:
            - {name: a, set: {x: 1}}
        """),
        ["6:41: spec.params[0].default: got 7; expected at most 5"],
    ),
    "long name of a Flow": (
        VALID.replace("etl", "e" * 41),
        [f'3:18: metadata.name: Invalid value: "{"e" * 41}": must have at most 40 characters, has 41'],
    ),
    "capitals in the name of a Flow": (
        VALID.replace("etl", "Etl"),
        [
            (
                '3:18: metadata.name: Invalid value: "Etl": must be of lower-case letters, digits, hyphens, '
                "and begin and end with a letter or digit"
            )
        ],
    ),
    "long name of a run": (
        RERUN.replace("again", "r" * 64),
        [f'3:18: metadata.name: Invalid value: "{"r" * 64}": must have at most 63 characters, has 64'],
    ),
    "what no pod template has": (
        spec("""
            taskDefaults:
              podTemplate: {spec: {priorityClassName: [high], containers: [{image: x}]}}
            tasks:
            - {name: a, image: x, resources: {limit: {cpu: 1}}, envFrom: [{configMap: {name: a}}]}
            - {name: b, podTemplate: {metadata: {labels: {a.b/c: [x]}}, spec: {containers: [{name: m, image: x}]}}}
        """),
        [
            (
                '6:45: spec.taskDefaults.podTemplate.spec.priorityClassName: Invalid value: "array": '
                'spec.taskDefaults.podTemplate.spec.priorityClassName in body must be of type string: "array"'
            ),
            "6:66: spec.taskDefaults.podTemplate.spec.containers[0].name: Required value",
            '8:37: spec.tasks[0].resources.limit: unknown field "limit"',
            '8:66: spec.tasks[0].envFrom[0].configMap: unknown field "configMap"',
            (
                '9:56: spec.tasks[1].podTemplate.metadata.labels[a.b/c]: Invalid value: "array": '
                'spec.tasks[1].podTemplate.metadata.labels.a.b/c in body must be of type string: "array"'
            ),
        ],
    ),
    "containers that are none": (
        spec("""
            tasks:
            - {name: a, image: x, podTemplate: {spec: {containers: 7}}}
        """),
        [
            (
                '6:58: spec.tasks[0].podTemplate.spec.containers: Invalid value: "integer": '
                'spec.tasks[0].podTemplate.spec.containers in body must be of type array: "integer"'
            )
        ],
    ),
    "things twice and nulls": (
        spec("""
            tasks:
            - {name: a, image: x, env: [{name: A, value: a}, {name: A, value: b}], retry: {exceptExitCodes: [1, 1]}}
            outputs:
            - {name: rows, value: null}
        """),
        [
            '6:52: spec.tasks[0].env[1]: Duplicate value: {"name":"A"}',
            "6:103: spec.tasks[0].retry.exceptExitCodes[1]: Duplicate value: 1",
            "8:25: spec.outputs[0].value: Required value",
        ],
    ),
    "a default that no pod may have": (
        spec("""
            taskDefaults: {podTemplate: {spec: {restartPolicy: Always, activeDeadlineSeconds: 5}}}
            tasks:
            - {name: a, image: x}
        """),
        [
            (
                '5:54: spec.taskDefaults.podTemplate.spec.restartPolicy: got "Always"; expected "Never": '
                "a retry is a new pod"
            ),
            (
                "5:85: spec.taskDefaults.podTemplate.spec.activeDeadlineSeconds: "
                "is Tidegate's: use timeoutSeconds of the task"
            ),
        ],
    ),
    "a label that no object may have": (
        VALID.replace("{name: etl}", "{name: etl, labels: {team: a b}}"),
        [
            (
                '3:38: metadata.labels.team: Invalid value: "a b": must be at most 63 letters, digits, "-", "_" '
                'and ".", and begin and end with a letter or digit'
            )
        ],
    ),
    "no name": (VALID.replace("{name: etl}", "{}"), ["3:11: metadata.name: Required value"]),
    "unknown kind of our group": (
        VALID.replace("kind: Flow", "kind: FlowRum"),
        ['2:7: kind: there is no kind "FlowRum" in tidegate.dev/v1alpha1; did you mean "FlowRun"?'],
    ),
    "unknown version of our group": (
        VALID.replace("v1alpha1", "v1"),
        ['1:13: apiVersion: there is no version "tidegate.dev/v1"; expected "tidegate.dev/v1alpha1"'],
    ),
    "another kind without a name": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n",
        ["3:11: metadata.name: Required value"],
    ),
    "no kind": ("apiVersion: v1\nmetadata: {name: a}\n", ["1:1: kind: Required value: a string"]),
    "a document that is a list": (
        "- 1\n",
        ["1:1: expected an object with apiVersion and kind, got a list"],
    ),
    "one object twice": (
        VALID + "---\n" + VALID,
        ['10:18: metadata.name: Flow "etl" is there twice, first in line 3'],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_each_mistake_is_told_with_its_place(case):
    text, expected = BAD[case]
    assert told(text) == [f"<stdin>:{line}" for line in expected]


WORDED_ELSEWHERE = {
    "wrong type": (spec("parallelism: many\ntasks:\n- {name: a, set: {x: 1}}\n"), "5:16: spec.parallelism: ", "many"),
    "out of range": (spec("parallelism: 0\ntasks:\n- {name: a, set: {x: 1}}\n"), "5:16: spec.parallelism: ", "1"),
    "syntax error in YAML": (HEAD + "  tasks: [\n  - a\n", "6:3: ", ""),
    "duplicate key": (VALID.replace("metadata:", "kind: Flow\nmetadata:"), "3:1: ", '"kind"'),
    "syntax error in an expression": (
        spec('tasks:\n- name: a\n  set: {z: "$[[ 1 + ]]"}\n'),
        "7:",
        "spec.tasks[0].set.z",
    ),
    "long name of a task": (
        spec(f"tasks:\n- {{name: {'t' * 41}, set: {{x: 1}}}}\n"),
        "6:12: spec.tasks[0].name: ",
        "40",
    ),
    "two bodies": (spec("tasks:\n- {name: a, set: {x: 1}, wait: {seconds: 1}}\n"), "6:", "spec.tasks[0]"),
}


@pytest.mark.parametrize("case", WORDED_ELSEWHERE)
def test_mistakes_that_models_and_parsers_word_are_told_with_their_place(case):
    text, place, word = WORDED_ELSEWHERE[case]
    (line,) = told(text)
    assert line.startswith(f"<stdin>:{place}")
    assert word in line


def test_all_mistakes_of_all_documents_are_told_at_once_in_the_order_of_their_places():
    text = spec("""
        colour: red
        tasks:
        - {name: a, needs: [b], set: {x: 1}}
        - {name: c, set: {x: "$[[ params.p ]]"}}
    """)
    lines = told(text + "---\napiVersion: v1\nkind: Secret\nmetadata: {}\n")
    assert [line.split(":")[1] for line in lines] == ["5", "7", "8", "12"]


RUN = "---\napiVersion: tidegate.dev/v1alpha1\nkind: FlowRun\nmetadata: {name: r}\nspec:\n  flowRef: {name: etl}\n"
WITH_PARAM = spec("""
    params:
    - {name: top, type: integer, maximum: 5}
    tasks:
    - {name: a, set: {x: 1}}
""")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ("{top: 9}", "15:17: spec.params.top: got 9; expected at most 5"),
        ("{top: nine}", '15:17: spec.params.top: got "nine"; expected an integer of 64 bits'),
        ("{}", "15:11: spec.params.top: is required: an integer of 64 bits"),
    ],
)
def test_a_run_is_checked_against_a_flow_of_the_same_files(params, expected):
    text = WITH_PARAM + RUN + f"  params: {params}\n"
    assert told(text) == [f"<stdin>:{expected}"]


def test_a_run_of_a_flow_that_is_not_there_is_left_to_the_cluster():
    result = validate("-", text=RUN + "  params: {top: 9}\n")
    assert result.exit_code == 0


def test_valid_manifests_end_with_0_and_print_nothing_to_stdout():
    result = validate("-", text=VALID)
    assert (result.exit_code, result.stdout) == (0, "")


def test_json_says_the_same_for_machines():
    result = validate("-o", "json", "-", text=VALID.replace("set:", "sett:"))
    answer = json.loads(result.stdout)
    assert result.exit_code == 2
    assert answer["valid"] is False
    first = answer["problems"][0]
    assert set(first) == {"file", "line", "column", "path", "message"}
    assert (first["file"], first["line"]) == ("<stdin>", 6)


def test_json_of_valid_manifests_has_no_problems():
    assert json.loads(validate("-o", "json", "-", text=VALID).stdout) == {"valid": True, "problems": []}


def test_folders_are_searched_and_a_broken_file_does_not_hide_the_others(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.yml").write_text(VALID.replace("etl", "ETL"))
    (tmp_path / "a.yaml").write_text("a: [\n")
    (tmp_path / "c.json").write_text(json.dumps({"kind": "ConfigMap", "metadata": {"name": "c"}}))
    (tmp_path / "notes.txt").write_text("no manifest")
    lines = validate(str(tmp_path)).stdout.splitlines()
    assert [line.removeprefix(str(tmp_path)).split(":")[0] for line in lines] == ["/a.yaml", "/c.json", "/deep/b.yml"]


@pytest.mark.parametrize("name", ["missing.yaml", "empty", "latin.yaml"])
def test_what_cannot_be_read_is_one_sentence(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "latin.yaml").write_bytes(b"\xe4")
    result = validate(str(tmp_path / name))
    assert result.exit_code == 2
    assert name in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_neither_kopf_nor_a_client_is_imported():
    code = """
        import sys
        from click.testing import CliRunner
        from tidegate.cli.main import main
        result = CliRunner().invoke(main, ["validate", "-"], input=sys.argv[1])
        assert result.exit_code == 0, result.output
        print([name for name in ("kopf", "aiohttp", "kubernetes", "rich", "asyncio") if name in sys.modules])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), VALID], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_a_rerun_says_where_it_begins_and_has_the_params_of_the_old_run():
    assert validate("-", text=RERUN).exit_code == 0
    (line,) = told(RERUN.replace("of: first", "of: first, mode: From"))
    assert line == "<stdin>:4:37: spec.rerun: mode From needs tasks: where it begins"


BACKFILL = """apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: etl}
spec:
  params: [{name: region}]
  triggers: [{name: hourly, cron: {schedules: ["0 * * * *"]}, params: {region: eu}}]
  tasks: [{name: a, set: {x: 1}}]
---
apiVersion: tidegate.dev/v1alpha1
kind: Backfill
metadata: {name: again}
spec:
  flowRef: {name: etl}
  trigger: hourly
  from: "2026-03-01T00:00:00Z"
  to: "2026-04-01T00:00:00Z"
  params: {region: us}
"""


YESTERDAY = 'from: "2026-03-01T00:00:00Z"', "from: yesterday"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("hourly\n", "hurly\n"), '14:12: spec.trigger: Flow etl has no trigger "hurly"; did you mean "hourly"?'),
        (("{region: us", "{regoin: us"), '17:20: spec.params.regoin: unknown param "regoin"; did you mean "region"?'),
        (
            ('to: "2026', 'to: "2016'),
            "13:3: spec: from must be earlier than to; found 2026-03-01T00:00:00Z and 2016-04-",
        ),
        (
            ('from: "2026', 'from: "2020'),
            "16:7: spec.to: from 2020-03-01T00:00:00Z to 2026-04-01T00:00:00Z there are more",
        ),
        (YESTERDAY, '15:9: spec.from: "yesterday" is not a time such as 2026-01-31T00:00:00Z'),
        (("again", "a" * 64), f'11:18: metadata.name: Invalid value: "{"a" * 64}": must have at most 63 characters'),
    ],
)
def test_a_backfill_is_checked_against_the_flow_of_the_same_files(change, expected):
    assert validate("-", text=BACKFILL).exit_code == 0
    (line,) = told(BACKFILL.replace(*change))
    assert line.startswith(f"<stdin>:{expected}")

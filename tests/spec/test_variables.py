from __future__ import annotations

import pytest

from skyflow.spec import Task
from tests.spec.conftest import MINIMAL, Load, Refuse

PROBE = """
service:
  replicas: $N
  readiness_probe:
    path: /v1?key=$TOKEN
    headers: {Authorization: "Bearer ${TOKEN}"}
    post_data: {model: $MODEL, undeclared: $OTHER}
run: echo $MODEL ${TOKEN}
"""


def test_variables_are_filled_in_but_never_in_scripts(load: Load) -> None:
    task = load(PROBE + "envs: {N: 3, MODEL: 'a\"b'}\nsecrets: {TOKEN: t0psecret}\n")
    probe = task.service.readiness_probe
    assert probe.path == "/v1?key=t0psecret"
    assert probe.headers == {"Authorization": "Bearer t0psecret"}
    assert probe.post_data == '{"model": "a\\"b", "undeclared": "$OTHER"}'
    assert task.settings().replicas == 3
    assert task.run == "echo $MODEL ${TOKEN}"


def test_values_become_text_as_in_skypilot(load: Load) -> None:
    envs = "{A: 1, B: 1.5, C: true, D: 2024-01-01, E: '', F: text}"
    assert load(f"envs: {envs}\n{MINIMAL}").environment() == {
        "A": "1", "B": "1.5", "C": "True", "D": "2024-01-01", "E": "", "F": "text",
    }  # fmt: skip


def test_the_command_line_wins_over_a_file_of_envs_and_that_over_the_yaml(load: Load) -> None:
    text = f"envs: {{A: yaml, B: yaml, C: yaml, D: null}}\n{MINIMAL}"
    given = {"env": {"A": "flag", "NEW": "n"}, "env_file": {"A": "file", "B": "file"}}
    task = load(text, **given, environ={"C": "environ", "D": "environ"})
    assert task.envs == {"A": "flag", "B": "file", "C": "yaml", "D": "environ", "NEW": "n"}


def test_secrets_come_from_the_command_line_or_the_environment(load: Load) -> None:
    text = f"secrets: {{A: null, B: null, C: yaml}}\n{MINIMAL}"
    task = load(text, secrets={"A": "flag", "NEW": "n"}, environ={"B": "environ"})
    assert task.secrets == {"A": "flag", "B": "environ", "C": "yaml", "NEW": "n"}
    assert list(task.environment()) == ["A", "B", "C", "NEW"]


def test_what_anything_calls_a_secret_stays_one(load: Load) -> None:
    text = f"envs: {{A: null}}\nsecrets: {{B: null}}\n{MINIMAL}"
    task = load(text, secrets={"A": "a-value"}, env={"B": "b-value"})
    assert task.envs == {}
    assert task.secrets == {"A": "a-value", "B": "b-value"}


def test_all_missing_values_are_named_at_once(refuse: Refuse) -> None:
    text = f"envs:\n  A:\n  B: null\nsecrets:\n  C:\n{MINIMAL}"
    assert refuse(text) == [
        "2:3 envs.A: has no value; give it with --env A=... or in the environment",
        "3:3 envs.B: has no value; give it with --env B=... or in the environment",
        "5:3 secrets.C: has no value; give it with --secret C=... or in the environment",
    ]


def test_a_missing_value_is_not_blamed_twice(refuse: Refuse) -> None:
    problems = refuse("envs: {N: null, D: null}\nworkdir: $D\nservice: {replicas: $N}\nrun: x")
    assert [problem.split(" ")[1] for problem in problems] == ["envs.N:", "envs.D:"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("envs: [A]", "envs: found a list; allowed: a mapping of names to values"),
        ("envs: {A: [1]}", "envs.A: found a list; allowed: text, a number"),
        ("envs: {1A: x}", "envs.1A: '1A' cannot name a variable"),
        ("envs: {SKYFLOW_REPLICA_PORT: 1}", "is set by skyflow itself"),
        ('envs: {A: "a\\0b"}', "envs.A: holds a NUL character"),
        ("envs: {A: 1}\nsecrets: {A: 2}", "secrets.A: is in `envs` too"),
        ("secrets: ['secrets:A']", "secrets.A: has no value; give it with --secret A=..."),
        ("secrets: [1]", "secrets[0]: found 1; allowed: the name of a secret"),
    ],
)
def test_wrong_variables_are_refused(refuse: Refuse, text: str, message: str) -> None:
    (problem,) = refuse(f"{text}\n{MINIMAL}")
    assert message in problem


def test_bytes_of_the_environment_that_are_not_utf8_are_refused(refuse: Refuse) -> None:
    (problem,) = refuse(f"envs: {{A: null}}\n{MINIMAL}", environ={"A": "\udcff"})
    assert problem == "1:8 envs.A: has a value that is not UTF-8"


def test_no_value_is_ever_shown(load: Load) -> None:
    text = PROBE + "envs: {N: '7', MODEL: my-model}\nsecrets: {TOKEN: t0psecret, PIN: '42'}\n"
    task = load(text + "setup: |\n  curl -H my-model\n  login t0psecret 42\n")
    shown = task.redacted_yaml()
    for value in ("t0psecret", "my-model", "42", "replicas: 7", "'7'"):
        assert value not in shown
    assert "replicas: <redacted>" in shown
    assert "Authorization: Bearer <redacted>" in shown
    assert "echo $MODEL ${TOKEN}" in shown
    assert "TOKEN: <redacted>" in shown


def test_neither_repr_nor_errors_show_a_secret(load: Load, refuse: Refuse) -> None:
    task = load(PROBE + "envs: {N: 1, MODEL: m}\nsecrets: {TOKEN: t0psecret}\n")
    assert "t0psecret" not in repr(task) + repr(task.service) + str(task)
    wrong = (
        "service: {replicas: $T, readiness_probe: {path: x$T}}\nrun: x\nfile_mounts: {'..$T': 1}"
    )
    assert "t0psecret" not in str(refuse(f"{wrong}\nsecrets: {{T: t0psecret}}"))


def test_a_message_shows_what_an_env_made_of_a_value(refuse: Refuse) -> None:
    (problem,) = refuse("envs: {N: many}\nservice: {replicas: $N}\nrun: x")
    assert problem == "2:21 service.replicas: found 'many'; allowed: a whole number"


def test_secret_values_for_logs_are_the_longest_first(load: Load) -> None:
    text = f'secrets: {{A: abc, B: "line one\\nline two", C: ""}}\nenvs: {{D: public}}\n{MINIMAL}'
    assert load(text).secret_values() == ("line one\nline two", "abc")


def test_a_task_survives_json_with_its_secrets(load: Load) -> None:
    task = load(PROBE + "envs: {N: 1, MODEL: m}\nsecrets: {TOKEN: t0psecret}\n")
    assert Task.model_validate_json(task.model_dump_json()) == task
    assert Task.model_validate_json(task.model_dump_json(exclude_defaults=True)) == task

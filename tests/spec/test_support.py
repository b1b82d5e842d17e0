from __future__ import annotations

from pathlib import Path

import pytest

from skyflow.placement.offers import BucketPrefix
from skyflow.spec import Task
from tests.spec.conftest import MINIMAL, Load, Refuse


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "service: {tls: {keyfile: a, certfile: b}}\nrun: x",
            "1:11 service.tls: cannot be carried out by this version: remove it",
        ),
        (
            "service:\n  replica_policy: {min_replicas: 1, max_replicas: 1,\n"
            "    availability_target: 0.9}\nresources: {use_spot: true}\nrun: x",
            "3:5 service.replica_policy.availability_target: "
            "cannot be carried out by this version: remove it",
        ),
        (
            f"resources:\n  any_of:\n    - image_id: {{us: ami-1, eu: 'docker:x'}}\n{MINIMAL}",
            "3:7 resources.any_of[0].image_id: cannot be carried out by this version: a container "
            "for `setup` and `run`; start it in `run` with `docker run`",
        ),
        (
            f"file_mounts: {{/data: {{source: gs://b}}}}\n{MINIMAL}",
            "1:15 file_mounts./data: cannot be carried out by this version: mounting other buckets "
            "than those of s3://; add `mode: COPY`, which puts the files on each machine",
        ),
        (
            f"file_mounts: {{/data: {{source: s3://b, mode: MOUNT_CACHED}}}}\n{MINIMAL}",
            "1:15 file_mounts./data: cannot be carried out by this version: mounting with a cache; "
            "add `mode: COPY`, which puts the files on each machine, or for s3:// `mode: MOUNT`",
        ),
        (
            f"file_mounts: {{/data: {{source: 's3://*'}}}}\n{MINIMAL}",
            "1:15 file_mounts./data: cannot be carried out by this version: "
            "mounting '*', which cannot be the name of a bucket; correct it",
        ),
        (
            f"file_mounts: {{/data: {{source: s3://big, mount_options: 'ro,uid=1'}}}}\n{MINIMAL}",
            "1:15 file_mounts./data: cannot be carried out by this version: "
            "these mount_options; allowed: ro",
        ),
        (
            f"file_mounts: {{/data: {{source: s3://big, config: {{a: 1}}}}}}\n{MINIMAL}",
            "1:15 file_mounts./data: cannot be carried out by this version: "
            "`config` of a mount; remove it",
        ),
        (
            f"file_mounts: {{/data: {{name: b, mode: COPY}}}}\n{MINIMAL}",
            "1:15 file_mounts./data: cannot be carried out by this version: "
            "a bucket of this kind; say `store: s3`, or name it as `source: s3://BUCKET`",
        ),
        (
            f"file_mounts: {{/data: r2://b}}\n{MINIMAL}",
            "1:15 file_mounts./data: cannot be carried out by this version: "
            "URLs that begin like this one; allowed: s3://, gs://, https://, http://",
        ),
        (
            f"file_mounts: {{/data: {{source: [s3://b, s3://c], mode: COPY}}}}\n{MINIMAL}",
            "1:15 file_mounts./data: cannot be carried out by this version: "
            "several sources with URLs among them; give each URL a path of its own",
        ),
        (
            f"resources: {{accelerator_args: {{runtime_version: x}}}}\n{MINIMAL}",
            "1:13 resources.accelerator_args: cannot be carried out by this version: remove it",
        ),
    ],
)
def test_what_cannot_be_carried_out_is_named_with_its_place(
    load: Load, text: str, problem: str
) -> None:
    (found,) = load(text).unsupported()
    assert f"{found.line}:{found.column} {found.key}: {found.message}" == problem


@pytest.mark.parametrize(
    "text",
    [
        f"resources: {{disk_tier: none, network_tier: standard, labels: {{}}}}\n{MINIMAL}",
        f"volumes: {{}}\n{MINIMAL}",
        "service: {replica_policy: {min_replicas: 1, max_replicas: 1, num_overprovision: 0,"
        " dynamic_ondemand_fallback: false, upscale_delay_seconds: 5}}\nrun: x",
        "service: {retry: all, drain_seconds: 5, load_balancing_policy: round_robin}\nrun: x",
        "service: {load_balancing_policy: prefix_affinity,"
        " load_balancer: {prefix_bytes: 9}}\nrun: x",
        f"num_nodes: 2\nresources: {{use_spot: true, disk_size: 10, memory: 4+}}\n{MINIMAL}",
        "resources: {accelerators: [80GB+, L4], max_hourly_cost: 3, local_disk: nvme:300+,"
        f" disk_tier: best, network_tier: best, image_id: ami-1, labels: {{a: b}}}}\n{MINIMAL}",
    ],
)
def test_what_asks_for_nothing_new_can_be_carried_out(load: Load, text: str) -> None:
    assert load(text).unsupported() == ()


def test_a_stored_task_says_the_same_without_places(load: Load) -> None:
    task = load(f"config: {{a: 1}}\nvolumes: {{/a: b}}\n{MINIMAL}")
    stored = Task.model_validate_json(task.model_dump_json())
    assert stored == task
    assert [each.message for each in stored.unsupported()] == [task.unsupported()[0].message]
    assert [each.message for each in stored.notices] == [
        "`config` has no effect on a service and is ignored"
    ]


def test_a_path_that_only_the_current_directory_has_is_found_with_a_notice(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "app").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    task = load(f"workdir: app\n{MINIMAL}")
    assert task.workdir == tmp_path / "here" / "app"
    (notice,) = task.notices
    assert notice.message.startswith("was found in the current directory")


def test_paths_need_not_exist_if_nobody_wants_to_know(load: Load, tmp_path: Path) -> None:
    task = load(f"workdir: nowhere\n{MINIMAL}", check_paths=False)
    assert task.workdir == tmp_path / "nowhere"


def test_variables_are_filled_in_where_skypilot_does_it(load: Load) -> None:
    task = load(
        "envs: {V: x}\nvolumes: {/$V: $V}\nfile_mounts: {/m: {name: b-$V}}\n"
        "workdir: {url: 'https://h/$V'}\nsetup: echo $V\n"
        "resources: {image_id: 'docker:$V', labels: {a: $V},\n"
        "  any_of: [{image_id: {us: $V}}]}\n" + MINIMAL
    )
    said = task.model_dump(mode="json")
    assert said["volumes"] == {"/x": "x"}
    assert said["file_mounts"]["/m"]["name"] == "b-x"
    assert said["workdir"]["url"] == "https://h/x"
    assert said["setup"] == "echo $V"
    assert said["resources"]["image_id"] == "docker:x"
    assert said["resources"]["labels"] == {"a": "$V"}
    assert said["resources"]["any_of"][0]["image_id"] == {"us": "x"}


def test_api_keys_are_shown_nowhere(load: Load, refuse: Refuse) -> None:
    text = "service: {auth: {api_keys: [literal-key]}}\nrun: echo literal-key"
    task = load(text)
    assert "literal-key" not in task.redacted_yaml() + repr(task)
    assert task.secret_values() == ("literal-key",)
    (problem,) = refuse("service: {auth: {api_keys: literal-key}}\nrun: x")
    assert "found '<redacted>'" in problem


def test_copies_of_buckets_repositories_and_urls_are_carried_out(load: Load) -> None:
    task = load(
        "workdir: {url: 'https://host/a.git'}\nfile_mounts:\n  /a: s3://b/c\n"
        "  /b: {name: b, store: s3, mode: COPY}\n  /c: https://host/c\n" + MINIMAL
    )
    assert not task.unsupported()
    assert task.remote_mounts() == {"/a": "s3://b/c", "/b": "s3://b", "/c": "https://host/c"}


def test_mounted_buckets_are_asked_of_every_machine(load: Load, tmp_path: Path) -> None:
    task = load(
        "file_mounts:\n  /a: {source: s3://models/llama/v3, mount_options: ro}\n"
        "  /b: {name: out, store: s3, mode: MOUNT}\n  /c: {source: s3://out/}\n"
        "  /d: s3://models/llama\nresources: {any_of: [{cpus: 2}, {cpus: 4}]}\n" + MINIMAL
    )
    assert not task.unsupported()
    read = BucketPrefix(bucket="models", prefix="llama/v3/", read_only=True)
    written = BucketPrefix(bucket="out")
    assert task.mounted_buckets() == {"/a": read, "/b": written, "/c": written}
    assert task.remote_mounts() == {"/d": "s3://models/llama"}
    assert [request.buckets for request in task.requests()] == [(read, written)] * 2


def test_local_files_cannot_fill_a_mounted_bucket(load: Load, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (problem,) = load(f"file_mounts: {{/a: {{name: bee, source: app}}}}\n{MINIMAL}").unsupported()
    assert "mounting a bucket that local files fill; add `mode: COPY`" in problem.message


def test_local_paths_that_fill_a_bucket_are_copied_from_here(load: Load, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "file").touch()
    task = load(
        "file_mounts:\n  /a: {name: b, source: app, mode: COPY}\n"
        "  /b/: {name: b, source: [app, ./file], mode: COPY}\n" + MINIMAL
    )
    assert not task.unsupported()
    assert task.local_mounts() == {
        "/a": tmp_path / "app",
        "/b/app": tmp_path / "app",
        "/b/file": tmp_path / "file",
    }


def test_what_lets_somebody_in_by_a_url_is_shown_nowhere(load: Load) -> None:
    shown = load(
        "workdir: {url: 'https://me:hush@host/a.git', ref: main}\n"
        "file_mounts: {/a: 'https://host/a?token=hush', /b: 'https://hush@host/b'}\n" + MINIMAL
    ).redacted_yaml()
    assert "hush" not in shown
    assert "https://<redacted>@host/a.git" in shown
    assert "https://host/a?<redacted>" in shown

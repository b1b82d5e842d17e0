from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from skyflow.errors import SpecError
from skyflow.spec import ResourceOverrides
from tests.spec.conftest import MINIMAL, Load

ANY_OF = f"""resources:
  cpus: 2
  any_of:
    - {{infra: aws/us-east-1, accelerators: L4}}
    - {{cloud: gcp, region: us-central1, accelerators: T4}}
{MINIMAL}"""


def given(**values: Any) -> dict[str, Any]:
    return {"overrides": ResourceOverrides(**values)}


def test_overrides_replace_what_every_alternative_says(load: Load) -> None:
    task = load(ANY_OF, **given(infra="k8s/mine", gpus="H100:2", cpus="8+", memory="32GB"))
    (found,) = task.settings().resources
    assert (found.cloud, found.region) == ("kubernetes", "mine")
    assert (found.accelerator, found.accelerator_count) == ("H100", 2)
    assert (found.cpus, found.cpus_or_more, found.memory_gib) == (8, True, 32)


def test_overrides_work_without_a_section_of_resources(load: Load) -> None:
    values = {"disk_size": "100GB", "use_spot": True, "instance_type": "big", "ports": ("9000",)}
    task = load(MINIMAL, **given(**values))
    (found,) = task.settings().resources
    assert (found.disk_gib, found.use_spot, found.instance_type) == (100, True, "big")
    assert task.settings().port == 9000
    assert "big" in task.redacted_yaml()


def test_none_takes_a_key_out(load: Load) -> None:
    task = load(ANY_OF, **given(gpus="none", infra="none"))
    (found,) = task.settings().resources
    assert (found.cloud, found.accelerator, found.cpus) == (None, None, 2)


def test_spot_can_be_turned_off(load: Load) -> None:
    text = f"resources: {{use_spot: true, any_of: [{{use_spot: true}}, {{}}]}}\n{MINIMAL}"
    assert not load(text, **given(use_spot=False)).settings().resources[0].use_spot


def test_nodes_and_workdir_are_replaced(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere" / "app").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "elsewhere")
    task = load(f"workdir: nowhere\n{MINIMAL}", **given(num_nodes=3, workdir="app"))
    assert (task.num_nodes, task.workdir) == (3, tmp_path / "elsewhere" / "app")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"infra": "a/b/c/d"}, "--infra: found 'a/b/c/d'; allowed: CLOUD, CLOUD/REGION or"),
        ({"gpus": "L4:0"}, "--gpus: found 'L4:0'; allowed: NAME or NAME:COUNT"),
        ({"cpus": "0"}, "--cpus: found 0; allowed: a number of CPUs above 0"),
        ({"memory": "big"}, "--memory: found 'big'; allowed: a number of GiB"),
        ({"disk_size": -1}, "--disk-size: found -1; allowed: a whole number of GiB"),
        ({"disk_tier": "fast"}, "--disk-tier: found 'fast'; allowed: 'low', 'medium'"),
        ({"image_id": "a b"}, "--image-id: found 'a b'; allowed: an image"),
        ({"instance_type": ""}, "--instance-type: found ''; allowed: a name"),
        ({"ports": ("80", "x")}, "--ports: found 'x'; allowed: a port"),
        ({"num_nodes": 0}, "--num-nodes: found 0; allowed: 1 or more"),
        ({"workdir": "/no/where"}, "--workdir: found '/no/where', which does not exist"),
        ({"workdir": "https://a/b"}, "--workdir: is a URL; allowed: a directory"),
    ],
)
def test_a_wrong_override_is_blamed_on_its_option(
    load: Load, values: dict[str, Any], problem: str
) -> None:
    with pytest.raises(SpecError) as caught:
        load(MINIMAL, **given(**values))
    (found,) = caught.value.problems
    assert f"{found.key}: {found.message}".startswith(problem)
    assert found.line is None


def test_overrides_leave_a_broken_section_to_be_refused(load: Load) -> None:
    with pytest.raises(SpecError, match="resources: found a list; allowed: a mapping"):
        load(f"resources: [L4]\n{MINIMAL}", **given(cpus="4"))

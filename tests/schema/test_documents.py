"""What skyflow accepts the schema accepts; what the schema refuses skyflow refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.schema.conftest import document, is_loaded

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("examples/**/*.yaml"), *ROOT.glob("tests/spec/files/**/*.yaml")])

BAD = {
    "no run": "service: {}",
    "no service": "run: serve",
    "null service": "service: null\nrun: serve",
    "unknown key": "service: {}\nrun: serve\nrunn: serve",
    "unknown key of service": "service: {replica: 1}\nrun: serve",
    "unknown key of resources": "service: {}\nrun: serve\nresources: {gpus: L4}",
    "unknown key of the probe": "service: {readiness_probe: {url: /}}\nrun: serve",
    "unknown key of the policy": "service: {replica_policy: {min: 1}}\nrun: serve",
    "unknown key of an alternative": "service: {}\nrun: serve\nresources: {any_of: [{gpu: L4}]}",
    "a list at the top": "- service: {}",
    "service as text": "service: yes please\nrun: serve",
    "service as a list": "service: [1]\nrun: serve",
    "negative replicas": "service: {replicas: -1}\nrun: serve",
    "too many replicas": "service: {replicas: 100000}\nrun: serve",
    "replicas as text": "service: {replicas: two}\nrun: serve",
    "half a replica": "service: {replicas: 1.5}\nrun: serve",
    "replicas twice": "service: {replicas: 1, replica_policy: {min_replicas: 1}}\nrun: serve",
    "policy without minimum": "service: {replica_policy: {max_replicas: 1}}\nrun: serve",
    "negative timeout": "service: {readiness_probe: {timeout_seconds: -1}}\nrun: serve",
    "no timeout at all": "service: {readiness_probe: {timeout_seconds: 0}}\nrun: serve",
    "probe as a number": "service: {readiness_probe: 8080}\nrun: serve",
    "probe as a list": "service: {readiness_probe: [/]}\nrun: serve",
    "probe path without slash": "service: {readiness_probe: {path: health}}\nrun: serve",
    "short probe without slash": "service: {readiness_probe: health}\nrun: serve",
    "post data as a number": "service: {readiness_probe: {post_data: 5}}\nrun: serve",
    "headers as a list": "service: {readiness_probe: {headers: [a]}}\nrun: serve",
    "header as a number": "service: {readiness_probe: {headers: {A: 5}}}\nrun: serve",
    "unknown balancing": "service: {load_balancing_policy: random}\nrun: serve",
    "balancing in capitals": "service: {load_balancing_policy: Round_Robin}\nrun: serve",
    "unknown retry": "service: {retry: always}\nrun: serve",
    "endless drain": "service: {drain_seconds: 1000000}\nrun: serve",
    "port zero": "service: {ports: 0}\nrun: serve",
    "port too high": "service: {ports: 65536}\nrun: serve",
    "port as text": "service: {ports: http}\nrun: serve",
    "no nodes": "service: {}\nrun: serve\nnum_nodes: 0",
    "nodes as text": "service: {}\nrun: serve\nnum_nodes: many",
    "run as a list": "service: {}\nrun: [serve]",
    "run as a number": "service: {}\nrun: 5",
    "setup as a mapping": "service: {}\nrun: serve\nsetup: {a: b}",
    "name as a number": "service: {}\nrun: serve\nname: 5",
    "name with a blank": "service: {}\nrun: serve\nname: my service",
    "workdir as a number": "service: {}\nrun: serve\nworkdir: 5",
    "workdir as a list": "service: {}\nrun: serve\nworkdir: [.]",
    "mounts as a list": "service: {}\nrun: serve\nfile_mounts: [a]",
    "mount as a number": "service: {}\nrun: serve\nfile_mounts: {/a: 5}",
    "envs as a list": "service: {}\nrun: serve\nenvs: [A]",
    "env as a mapping": "service: {}\nrun: serve\nenvs: {A: {B: c}}",
    "env with a blank": "service: {}\nrun: serve\nenvs: {A B: c}",
    "secret as a list": "service: {}\nrun: serve\nsecrets: {A: [b]}",
    "resources as text": "service: {}\nrun: serve\nresources: L4",
    "cpus in letters": "service: {}\nrun: serve\nresources: {cpus: four}",
    "no cpus": "service: {}\nrun: serve\nresources: {cpus: 0}",
    "negative cpus": "service: {}\nrun: serve\nresources: {cpus: -1}",
    "cpus with a unit": "service: {}\nrun: serve\nresources: {cpus: 4GB}",
    "memory in letters": "service: {}\nrun: serve\nresources: {memory: lots}",
    "memory with an unknown unit": "service: {}\nrun: serve\nresources: {memory: 16XB}",
    "disk or more": "service: {}\nrun: serve\nresources: {disk_size: 100+}",
    "unknown disk tier": "service: {}\nrun: serve\nresources: {disk_tier: fast}",
    "spot as text": "service: {}\nrun: serve\nresources: {use_spot: maybe}",
    "infra and cloud": "service: {}\nrun: serve\nresources: {infra: aws, cloud: aws}",
    "infra and region": "service: {}\nrun: serve\nresources: {infra: aws, region: us-east-1}",
    "any_of and ordered": "service: {}\nrun: serve\n"
    "resources: {any_of: [{cpus: 1}], ordered: [{cpus: 1}]}",
    "no alternatives": "service: {}\nrun: serve\nresources: {any_of: []}",
    "alternatives as a mapping": "service: {}\nrun: serve\nresources: {ordered: {cpus: 1}}",
    "accelerators as a number": "service: {}\nrun: serve\nresources: {accelerators: 8}",
    "no accelerators": "service: {}\nrun: serve\nresources: {accelerators: []}",
    "accelerator without a name": "service: {}\nrun: serve\nresources: {accelerators: ':8'}",
    "accelerators counted in letters": "service: {}\nrun: serve\n"
    "resources: {accelerators: 'L4:two'}",
    "accelerators counted twice": "service: {}\nrun: serve\nresources: {accelerators: {'L4:1': 2}}",
    "no ports": "service: {}\nrun: serve\nresources: {ports: []}",
    "resource port zero": "service: {}\nrun: serve\nresources: {ports: 0}",
    "resource port in letters": "service: {}\nrun: serve\nresources: {ports: http}",
    "instance type as a number": "service: {}\nrun: serve\nresources: {instance_type: 5}",
}

GOOD = {
    "all defaults": "service: {}\nrun: serve",
    "nulls": "service: {replicas: null, readiness_probe: null}\nrun: serve\nworkdir: null\n"
    "resources: {infra: null, cloud: aws, any_of: null}\nenvs: null\nname: null",
    "short probe": "service: {readiness_probe: /health}\nrun: serve",
    "variables": "envs: {N: 2, P: /h, B: round_robin}\nrun: serve\nservice:\n  replicas: $N\n"
    "  readiness_probe: $P\n  load_balancing_policy: ${B}\n  drain_seconds: ${N}0",
    "post data as a mapping": "service: {readiness_probe: {path: /, post_data: {a: [1]}}}\n"
    "run: serve",
    "post data as text": "service: {readiness_probe: {path: /, post_data: '[1]'}}\nrun: serve",
    "envs of all kinds": "service: {}\nrun: serve\nenvs: {A: 1, B: 1.5, C: true, D: text}",
    "numbers as text": "service: {}\nrun: serve\n"
    "resources: {cpus: '4', memory: '16', disk_size: '100', ports: '8080'}",
    "amounts": "service: {}\nrun: serve\nresources: {cpus: 0.5+, memory: 16GB+, disk_size: 1TB}",
    "one accelerator": "service: {}\nrun: serve\nresources: {accelerators: A100-80GB:2}",
    "accelerators as a mapping": "service: {}\nrun: serve\n"
    "resources: {accelerators: {L4: 8, A10G: null}}",
    "accelerators as a set": "service: {}\nrun: serve\nresources: {accelerators: {L4:8, A10g}}",
    "accelerators in order": "service: {}\nrun: serve\nresources: {accelerators: [L4:8, A10g]}",
    "ports as a list": "service: {ports: 8000}\nrun: serve\nresources: {ports: [8000, 9000-9010]}",
    "any place": "service: {}\nrun: serve\nresources: {infra: '*/us-east-1'}",
    "an anchor and a merge": "service: {}\nrun: serve\nresources:\n  any_of:\n"
    "  - &base {cpus: 4}\n  - {<<: *base, memory: 16}",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_real_file_is_accepted(path: Path, validator: Draft202012Validator) -> None:
    validator.validate(document(path.read_text()))


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_a_bad_document_is_refused_by_both(
    text: str, validator: Draft202012Validator, tmp_path: Path
) -> None:
    assert not validator.is_valid(document(text))
    assert not is_loaded(text, tmp_path)


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_a_good_document_is_accepted_by_both(
    text: str, validator: Draft202012Validator, tmp_path: Path
) -> None:
    validator.validate(document(text))
    assert is_loaded(text, tmp_path)

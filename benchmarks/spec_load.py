"""How long it takes to load a service YAML: `python benchmarks/spec_load.py [LINES] [ROUNDS]`.

Prints the median and the least of the rounds in milliseconds of this process's CPU time, which
other load on the computer does not change much.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from skyflow.spec import LoadOptions, load_task

HEAD = """\
name: bench
envs:
  MODEL: mistralai/Mixtral-8x7B-Instruct-v0.1
secrets:
  HF_TOKEN: null
service:
  readiness_probe:
    path: /v1/chat/completions
    post_data: {model: $MODEL, messages: [{role: user, content: Hello}], max_tokens: 1}
    initial_delay_seconds: 2400
  replica_policy: {min_replicas: 1, max_replicas: 8, target_qps_per_replica: 2.5}
resources:
  accelerators: {L4:8, A10g:8, A100:4, A100:8, A100-80GB:2, A100-80GB:4, H100:2}
  ports: 8000
  any_of:
"""
ENTRIES = ("aws/us-east-1", "aws/us-west-2", "gcp/us-central1", "azure/eastus", "k8s")
TAIL = "run: |\n  vllm serve $MODEL --port $SKYFLOW_REPLICA_PORT\nsetup: |\n"


def document(lines: int) -> str:
    """Return a YAML of so many lines: head, alternatives, scripts and variables."""
    text = HEAD + "".join(f"    - {{infra: {infra}, cpus: 8+}}\n" for infra in ENTRIES) + TAIL
    rest = lines - text.count("\n")
    variables = "".join(f"  VARIABLE_{at}: value {at}\n" for at in range(rest // 2))
    scripts = "".join(f"  pip install package-{at}==1.{at}\n" for at in range(rest - rest // 2))
    return text.replace("secrets:\n", variables + "secrets:\n") + scripts


def main() -> None:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "service.yaml"
        path.write_text(document(lines))
        options = LoadOptions(environ={"HF_TOKEN": "token"})
        times = [measure(path, options) for _ in range(rounds)]
    print(f"{lines} lines, {rounds} rounds: first {times[0]:.1f} ms, ", end="")
    print(f"median {statistics.median(times):.1f} ms, least {min(times):.1f} ms")


def measure(path: Path, options: LoadOptions) -> float:
    """Return the CPU time of one load in milliseconds."""
    started = time.process_time()
    load_task(path, options)
    return (time.process_time() - started) * 1000


if __name__ == "__main__":
    main()

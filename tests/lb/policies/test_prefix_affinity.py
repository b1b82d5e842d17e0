from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from lb.data.policies import Choice
from tests.lb.policies.candidates import Candidate, Request, candidates, choice, request


def prompt(beginning: str, question: str, **before: object) -> Request:
    messages = [
        {"role": "system", "content": beginning},
        {"role": "user", "content": question},
    ]
    return request(json.dumps({**before, "messages": messages}).encode())


def affinity(replicas: list[Candidate], **keys: object) -> Choice[Candidate]:
    return choice(replicas, "prefix_affinity", **keys)  # type: ignore[arg-type]


def test_prompts_that_begin_alike_go_to_the_same_replica() -> None:
    replicas = candidates(5)
    made = affinity(replicas)
    for document in ("red " * 50, "green " * 50, "blue " * 50):
        asked = [prompt(document, f"{number} is my question") for number in range(8)]
        assert len({made.choose(replicas, each).id for each in asked}) == 1


def test_a_conversation_stays_where_it_began_although_all_begin_alike() -> None:
    replicas = candidates(4)
    made = affinity(replicas)
    for number in range(200):
        text = f"You are kind. {'So be it. ' * 30}: {number} {'asks ' * 20}"
        first = made.choose(replicas, request(text.encode()))
        text += f"answer {'of the model ' * 30}"
        assert made.choose(replicas, request(text.encode())) is first


def test_an_instruction_that_all_prompts_begin_with_does_not_attract_them_all() -> None:
    replicas = candidates(4)
    made = affinity(replicas)
    counts = {replica.id: 0 for replica in replicas}
    for turn in range(10):
        for number in range(100):
            asked = prompt("Be kind. " * 50 + f"{number} " * 40, f"turn {turn}")
            counts[made.choose(replicas, asked).id] += 1
    assert max(counts.values()) <= 1.25 * 250


def test_what_stands_before_the_prompt_makes_no_difference() -> None:
    replicas = candidates(5)
    made = affinity(replicas)
    first = made.choose(replicas, prompt("hello " * 40, "a", model="m", seed=1))
    for seed in range(2, 20):
        asked = prompt("hello " * 40, "b", temperature=seed / 7, model="m", seed=seed)
        assert made.choose(replicas, asked) is first


def test_a_replica_with_too_much_in_flight_is_left_and_returned_to() -> None:
    replicas = candidates(3)
    made = affinity(replicas)
    asked = prompt("hello " * 40, "a")
    home = made.choose(replicas, asked)
    home.in_flight = 8
    second = made.choose(replicas, asked)
    assert second is not home
    assert made.choose(replicas, asked) is second
    home.in_flight = 0
    second.in_flight = 8
    assert made.choose(replicas, asked) is home


@settings(deadline=None, max_examples=30)
@given(
    st.integers(2, 30),
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=50, max_size=400),
)
def test_no_replica_gets_more_than_its_bound_of_requests_in_flight(
    count: int, steps: list[tuple[int, bool]]
) -> None:
    replicas = candidates(count)
    made = affinity(replicas)
    working: list[Candidate] = []
    for topic, ends in steps:
        chosen = made.choose(replicas, prompt(f"{topic} " * 100, "a"))
        chosen.in_flight += 1
        working.append(chosen)
        mean = len(working) / count
        fewest = min(replica.in_flight for replica in replicas)
        assert chosen.in_flight <= max(4, 1.25 * mean + 1 + 1.25 * (count // 16), fewest + 2)
        if ends:
            working.pop(0).in_flight -= 1


def test_a_session_stays_whatever_is_in_it() -> None:
    replicas = candidates(5)
    made = affinity(replicas, session_header="X-Session")
    homes = set()
    for session in range(40):
        asked = [request(b"%d" % n * 40, f"x-session:  s{session} ") for n in range(10)]
        (home,) = {made.choose(replicas, each).id for each in asked}
        homes.add(home)
    assert homes == {1, 2, 3, 4, 5}


def test_a_session_stays_when_replicas_join_and_leave() -> None:
    replicas = candidates(5)
    made = affinity(replicas, session_header="X-Session")
    asked = [request(b"", f"X-Session: {number}") for number in range(100)]
    homes = [made.choose(replicas, each) for each in asked]
    changed = [*replicas[1:], Candidate(6), Candidate(7)]
    made.update(changed)
    for each, home in zip(asked, homes, strict=True):
        assert made.choose(changed, each) is home or home is replicas[0]


def test_processes_that_know_nothing_of_each_other_choose_alike() -> None:
    asked = [request(b"", f"X-Session: {number}") for number in range(200)]
    found = []
    for seed in (1, 2):
        replicas = candidates(9)
        made = choice(replicas, "prefix_affinity", seed, session_header="X-Session")
        found.append([made.choose(replicas, each).id for each in asked])
    assert found[0] == found[1]


def test_few_sessions_move_when_a_replica_joins() -> None:
    asked = [request(b"", f"X-Session: {number}") for number in range(1000)]
    homes = []
    for count in (9, 10):
        replicas = candidates(count)
        made = affinity(replicas, session_header="X-Session")
        homes.append([made.choose(replicas, each).id for each in asked])
    assert sum(old != new for old, new in zip(*homes, strict=True)) < 250


def test_a_session_returns_to_a_replica_that_could_not_be_used_for_a_while() -> None:
    replicas = candidates(4)
    made = affinity(replicas, session_header="X-Session")
    asked = request(b"", "X-Session: one")
    home = made.choose(replicas, asked)
    others = [replica for replica in replicas if replica is not home]
    assert made.choose(others, asked) is not home
    assert made.choose(replicas, asked) is home


def test_requests_without_content_go_to_the_least_loaded() -> None:
    replicas = [Candidate(1, in_flight=3), Candidate(2), Candidate(3, in_flight=1)]
    assert affinity(replicas).choose(replicas, request()) is replicas[1]
    assert affinity(replicas).choose(replicas, None) is replicas[1]


def test_a_stronger_replica_gets_more() -> None:
    replicas = [Candidate(1), Candidate(2), Candidate(3, capacity=4)]
    made = affinity(replicas)
    for number in range(600):
        made.choose(replicas, prompt(f"{number} " * 50, "a")).in_flight += 1
    for replica in replicas:
        assert replica.in_flight <= 1.26 * 100 * replica.capacity


def test_replicas_that_come_and_go_for_months_leave_nothing_behind() -> None:
    replicas = candidates(3)
    made = affinity(replicas)
    for number in range(4, 2000):
        replicas = [*replicas[1:], Candidate(number)]
        made.update(replicas)
        assert made.choose(replicas, prompt("hello " * 40, "a")) in replicas

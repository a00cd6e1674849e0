# SPDX-License-Identifier: Apache-2.0
"""What test_fork_safety runs in interpreters of its own; prints what it saw as JSON.

``python engine_in_a_process.py SCENARIO POLICY_FILE [patched]``; with ``patched`` eventlet's monkey
patching comes before everything else, as in nova-scheduler up to Nova 31.
"""

from __future__ import annotations

import sys

if "patched" in sys.argv:
    import eventlet

    eventlet.monkey_patch()

import json
import os
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

CHILDREN = 4
CHILD_DEADLINE_SECS = 20
CALLS = 50


def seen() -> dict[str, object]:
    """Returns this process's threads, sockets and open files as the kernel has them."""
    targets = {}
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            targets[descriptor.name] = os.readlink(descriptor)
        except FileNotFoundError:  # The descriptor that listed the folder.
            continue
    return {
        "threads": len(os.listdir("/proc/self/task")),
        "sockets": sorted(each for each in targets.values() if each.startswith("socket:")),
        "files": sorted(each for each in targets.values() if each.startswith("/")),
    }


def new_engine(policy_file: str) -> object:
    """Builds an engine; the import is here because it is a part of what is looked at."""
    from nova_spillway._native import Engine

    return Engine(policy_file)


def decide_and_record(engine: object) -> str:
    """Decides one request in full and returns the decision's id."""
    from nova_spillway._native import Request

    now = time.time()
    engine.refresh(now)
    request = Request(
        operation="boot",
        instance_uuids=["7d4d1a6e-0000-4000-8000-000000000001"],
        project_id="p1",
        flavor_name="m1.small",
        vcpus=1,
        memory_mb=512,
        root_gb=1,
        image_id="image",
    )
    decision = engine.decide(request, 0, now)
    if not engine.record_decision(decision, now):
        raise RuntimeError(engine.journal_error)
    return decision.id


def in_children(work: Callable[[], object], count: int = CHILDREN) -> list[object]:
    """Forks, runs the work in every child at once and returns what each one answered.

    A child that hangs is ended by its own alarm, and its answer is the exit status.
    """
    import signal

    pipes = []
    for _ in range(count):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            # The default action of SIGALRM ends a child that waits for a lock nobody holds.
            signal.alarm(CHILD_DEADLINE_SECS)
            os.close(reader)
            try:
                answer = work()
            except BaseException:
                answer = traceback.format_exc()
            os.write(writer, json.dumps(answer).encode())
            os._exit(0)
        os.close(writer)
        pipes.append((pid, reader))
    answers: list[object] = []
    for pid, reader in pipes:
        with os.fdopen(reader, "rb") as pipe:
            said = pipe.read()
        _, status = os.waitpid(pid, 0)
        answers.append(json.loads(said) if status == 0 and said else f"ended with {status}")
    return answers


def construct(policy_file: str) -> dict[str, object]:
    """What import and constructor add to a process."""
    before = seen()
    engine = new_engine(policy_file)
    return {"before": before, "after": seen(), "has_policy": engine.has_policy}


def decide(policy_file: str) -> dict[str, object]:
    """What reading the policy, deciding and writing the journal add to a process."""
    before = seen()
    engine = new_engine(policy_file)
    ids = [decide_and_record(engine) for _ in range(CALLS)]
    return {"before": before, "after": seen(), "ids": ids}


def fork_before_use(policy_file: str) -> dict[str, object]:
    """Nova's way: built in the parent, used in the workers only."""
    engine = new_engine(policy_file)

    def work() -> object:
        return {"ids": [decide_and_record(engine) for _ in range(CALLS)], "after": seen()}

    return {"children": in_children(work), "parent": []}


def fork_after_use(policy_file: str) -> dict[str, object]:
    """The parent has decided before it forks, and goes on deciding after it."""
    engine = new_engine(policy_file)
    ids = [decide_and_record(engine) for _ in range(CALLS)]

    def work() -> object:
        return {"ids": [decide_and_record(engine) for _ in range(CALLS)], "after": seen()}

    children = in_children(work)
    ids += [decide_and_record(engine) for _ in range(CALLS)]
    return {"children": children, "parent": ids}


def fork_amid_threads(policy_file: str) -> dict[str, object]:
    """Other threads of the parent are deciding while it forks; no child may inherit a held lock."""
    engine = new_engine(policy_file)
    enough = threading.Event()
    ids: list[str] = []

    def keep_deciding() -> None:
        while not enough.is_set():
            ids.append(decide_and_record(engine))

    threads = [threading.Thread(target=keep_deciding) for _ in range(3)]
    for thread in threads:
        thread.start()

    def work() -> object:
        return {"ids": [decide_and_record(engine) for _ in range(CALLS)], "after": seen()}

    try:
        children = [answer for _ in range(5) for answer in in_children(work, 2)]
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    return {"children": children, "parent": ids}


def threads(policy_file: str) -> dict[str, object]:
    """Many threads share one engine, as the RPC workers of one nova-scheduler process do."""
    engine = new_engine(policy_file)
    ids: list[str] = []
    errors: list[str] = []

    def work() -> None:
        try:
            for _ in range(CALLS):
                ids.append(decide_and_record(engine))
                if "patched" in sys.argv:
                    time.sleep(0)
        except BaseException:
            errors.append(traceback.format_exc())

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return {"parent": ids, "errors": errors, "children": []}


SCENARIOS = {
    each.__name__: each
    for each in (construct, decide, fork_before_use, fork_after_use, fork_amid_threads, threads)
}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(SCENARIOS[sys.argv[1]](sys.argv[2])))

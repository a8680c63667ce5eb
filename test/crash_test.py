#!/usr/bin/env python3
"""Kills `remit run` of the invoices example at seeded random instants and takes it up again with `remit resume`.

Every time the run must reach its goal, the ledger must come to what the uninterrupted run came to, nothing may have been done twice, and no sandbox
may be left. Usage: crash_test.py REMIT [POINTS] [SEED]
"""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MISSION = "examples/invoices/mission.yaml"


def remit(binary, data, *args, **kwargs):
    env = dict(os.environ, REMIT_DATA=str(data))
    return subprocess.run([binary, *args], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, **kwargs)


def records(binary, data):
    out = remit(binary, data, "logs", "-o", "jsonl").stdout
    return [json.loads(line) for line in out.splitlines()]


def leftovers(instance):
    """cgroups and processes of a sandbox of ours."""
    found = []
    for base, folders, _ in os.walk("/sys/fs/cgroup"):
        found += [os.path.join(base, folder) for folder in folders if folder == f"remit.{instance}"]
        if base.count("/") > 6:
            folders.clear()
    return found


def kill_after(binary, data, args, seconds):
    env = dict(os.environ, REMIT_DATA=str(data))
    process = subprocess.Popen([binary, *args], cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=seconds)
        return process.pid, True
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return process.pid, False


def wait_until_gone(pid, seconds=5.0):
    deadline = time.monotonic() + seconds
    while leftovers(f"run-{pid}"):
        if time.monotonic() > deadline:
            return leftovers(f"run-{pid}")
        time.sleep(0.02)
    return []


def check_once(log):
    """No call may be settled twice, and a tool use of the model may have succeeded once only."""
    settled, uses, action = set(), {}, {}
    for record in log:
        if record["type"] == "Proposed":
            action[record["call"]] = record["action"]
        if record["type"] != "Settled":
            continue
        assert record["call"] not in settled, f"call {record['call']} is settled twice"
        settled.add(record["call"])
        use = action[record["call"]].get("providerCallId")
        interrupted = record["outcome"].get("structured", {}).get("interrupted")
        if use and not interrupted:
            assert use not in uses, f"tool use {use} was carried out twice: calls {uses[use]} and {record['call']}"
            uses[use] = record["call"]


def summary_of(log):
    cost = sum(r["charged"]["costMicroUSD"] for r in log if r["type"] == "Settled")
    tokens = sum(r["charged"]["tokens"] for r in log if r["type"] == "Settled")
    return cost, tokens, log[-1]["type"] == "RunEnded" and log[-1]["goalMet"]


def main():
    binary = os.path.abspath(sys.argv[1])
    points = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 2024
    rng = random.Random(seed)
    work = pathlib.Path(tempfile.mkdtemp(prefix="remit-crash-"))
    try:
        data = work / "whole"
        began = time.monotonic()
        whole = remit(binary, data, "run", "-o", "json", MISSION)
        assert whole.returncode == 0, whole.stdout + whole.stderr
        length = time.monotonic() - began
        expected = summary_of(records(binary, data))
        resumed = 0
        for point in range(points):
            data = work / str(point)
            at = rng.uniform(0.0, length)
            pid, ended = kill_after(binary, data, ["run", MISSION], at)
            left = wait_until_gone(pid)
            assert not left, f"point {point} ({at:.3f} s): left behind: {left}"
            for _ in range(20):
                if ended:
                    break
                log = records(binary, data)
                if not log:  # Killed before the run began: there is nothing to take up.
                    ended = remit(binary, data, "run", MISSION).returncode == 0
                    assert ended
                    break
                if log[-1]["type"] == "RunEnded":
                    break
                resumed += 1
                if rng.random() < 0.3:  # Also killed while it resumes.
                    pid, ended = kill_after(binary, data, ["resume", "import-invoices"], rng.uniform(0.0, length))
                    assert not wait_until_gone(pid)
                else:
                    done = remit(binary, data, "resume", "import-invoices")
                    assert done.returncode == 0, f"point {point} ({at:.3f} s, seed {seed}): {done.stdout}{done.stderr}"
                    break
            log = records(binary, data)
            check_once(log)
            assert summary_of(log) == expected, f"point {point} ({at:.3f} s, seed {seed}): {summary_of(log)}, expected {expected}"
            shutil.rmtree(data)
        print(f"{points} kills within {length:.2f} s, {resumed} resumed, each ended with the goal met, {expected[0]} micro-USD and {expected[1]} tokens")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()

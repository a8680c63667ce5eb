#!/usr/bin/env python3
"""`remit serve` as its users meet it: one daemon a folder, missions applied and driven through the API, steering, crashes, and plain HTTP on the socket."""
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import unittest

from crash_test import check_once
from remit_bed import BINARY, ROOT, RemitTest, answer, call, finish

BASE = "/apis/remit.dev/v1alpha1"
MISSIONS = BASE + "/namespaces/default/missions"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


class DaemonTest(RemitTest):
    def serve(self, *args):
        process = self.start("serve", *args)
        line = process.stdout.readline()
        self.assertIn("serving", line, process.stderr.read() if process.poll() is not None else line)
        return process

    def request(self, method, path, body=None, kind="application/json"):
        connection = UnixConnection(str(self.data / "remit.sock"))
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": kind} if body is not None else {})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def recorded(self, answers, **more):
        """A mission whose recording knows its requests: written by a run of its own in another data folder."""
        mission = self.write_mission(answers, **more)
        keep, self.data = self.data, self.work / "rehearsal"
        try:
            self.run_mission(mission, *(["--on-ask=reject"] if "rules" in more else []))
        finally:
            shutil.rmtree(self.data, ignore_errors=True)
            self.data = keep
        return mission

    def phase(self, name="m"):
        return self.mission_status(name).get("phase")

    def mission_status(self, name="m"):
        done = self.remit("get", "missions", "-A", "-o", "json")
        items = json.loads(done.stdout)["items"] if done.returncode == 0 else []
        return next((each.get("status", {}) for each in items if each["metadata"]["name"] == name), {})

    def sandboxes(self):
        """Control groups that a daemon's sandboxes would have."""
        found = []
        for base, folders, _ in os.walk("/sys/fs/cgroup"):
            found += [os.path.join(base, each) for each in folders if each.startswith("remit.daemon-") and self.is_ours(os.path.join(base, each))]
            if base.count("/") > 6:
                folders.clear()
        return found

    def is_ours(self, group):
        import hashlib
        return group.endswith(hashlib.sha256(os.path.realpath(self.data).encode()).hexdigest()[:12])


class Serving(DaemonTest):
    def test_a_second_daemon_on_the_folder_is_refused_and_told_by_whom(self):
        first = self.serve()
        second = self.remit("serve")
        self.assertEqual(second.returncode, 3, second.stdout + second.stderr)
        self.assertIn(str(first.pid), second.stderr)
        first.send_signal(signal.SIGTERM)
        self.assertEqual(first.wait(10), 0)
        self.serve()

    def test_it_takes_over_from_one_that_was_killed(self):
        first = self.serve()
        first.kill()
        first.wait()
        self.serve()
        self.assertEqual(self.request("GET", MISSIONS)[0], 200)

    @unittest.skipIf(os.environ.get("REMIT_SANITIZE"), "a sanitizer's shadow memory counts too")
    def test_an_idle_daemon_is_small(self):
        process = self.serve()
        time.sleep(0.5)
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        self.assertLess(resident, 30 * 1024)

    def test_wrong_addresses_are_refused(self):
        for wrong in ("0.0.0.0:0", "127.0.0.1", "127.0.0.1:x", "example.com:80"):
            refused = self.remit("serve", "--listen", wrong)
            self.assertEqual(refused.returncode, 2, wrong + refused.stderr)

    def test_loopback_takes_the_key_only(self):
        process = self.serve("--listen", "127.0.0.1:0")
        port = int(process.stdout.readline().split("port ")[1].split(",")[0])
        key_file = self.data / "api.key"
        self.assertEqual(key_file.stat().st_mode & 0o777, 0o600)
        for headers, expected in (({}, 401), ({"Authorization": "Bearer wrong"}, 401), ({"Authorization": "Bearer " + key_file.read_text().strip()}, 200)):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("GET", MISSIONS, headers=headers)
            self.assertEqual(connection.getresponse().status, expected)
            connection.close()

    def test_the_socket_speaks_as_kubernetes_does(self):
        self.serve()
        self.assertEqual(self.request("GET", "/version")[0], 200)
        resources = self.request("GET", BASE)[1]
        self.assertIn("missions", [each["name"] for each in resources["resources"]])
        budget = {"apiVersion": "remit.dev/v1alpha1", "kind": "Budget", "metadata": {"name": "b"}, "spec": {"costUSD": "5"}}
        budgets = BASE + "/namespaces/default/budgets"
        status, made = self.request("POST", budgets, budget)
        self.assertEqual(status, 201, made)
        made["spec"]["costUSD"] = "6"
        self.assertEqual(self.request("PUT", budgets + "/b", made)[0], 200)
        status, conflict = self.request("PUT", budgets + "/b", made)
        self.assertEqual((status, conflict["kind"], conflict["reason"]), (409, "Status", "Conflict"))
        self.assertEqual(self.request("PATCH", budgets + "/b", {"metadata": {"labels": {"a": "b"}}}, "application/merge-patch+json")[0], 200)
        self.assertEqual(len(self.request("GET", BASE + "/budgets?labelSelector=a%3Db")[1]["items"]), 1)
        self.assertEqual(self.request("DELETE", budgets + "/b")[0], 200)
        self.assertEqual(self.request("GET", budgets + "/b")[0], 404)

    @unittest.skipUnless(shutil.which("curl"), "needs curl")
    def test_curl_watches_on_the_socket(self):
        self.serve()
        watch = subprocess.Popen(["curl", "-sN", "--unix-socket", str(self.data / "remit.sock"), "http://localhost" + MISSIONS + "?watch=1"],
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(watch.stdout.close)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        mission = self.write_mission([finish()], extra={"desiredState": "Paused"})
        self.assertEqual(self.remit("apply", mission).returncode, 0)
        event = json.loads(watch.stdout.readline())
        self.assertEqual((event["type"], event["object"]["metadata"]["name"]), ("ADDED", "m"))


class Driving(DaemonTest):
    def test_what_is_applied_is_driven_and_waited_for(self):
        mission = self.recorded([answer(call("files_write", path="note.txt", content="hello")), finish("written")])
        daemon = self.serve()
        applied = self.remit("apply", mission)
        self.assertEqual(applied.returncode, 0, applied.stderr)
        waited = self.remit("wait", "m", "--timeout", "30s")
        self.assertEqual(waited.returncode, 0, waited.stderr + json.dumps(self.mission_status()))
        self.assertEqual(self.phase(), "Succeeded")
        self.assertIn("note.txt", self.remit("logs", "-f").stdout)
        self.assertIn("+hello", self.remit("diff").stdout)
        run = self.mission_status()["runId"]
        # The same again changes nothing; a changed goal is a new run.
        self.assertEqual(self.remit("apply", mission).returncode, 0)
        time.sleep(0.3)
        self.assertEqual(self.mission_status()["runId"], run)
        patched = self.request("PATCH", MISSIONS + "/m", {"spec": {"budget": {"toolCalls": 99}}}, "application/merge-patch+json")
        self.assertEqual(patched[0], 200)
        self.assertEqual(self.remit("wait", "m", "--timeout", "30s").returncode, 0)
        self.assertNotEqual(self.mission_status()["runId"], run)
        daemon.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(10), 0, "at rest it ends at once")
        self.assertFalse(self.sandboxes())

    def test_run_shows_what_the_daemon_does(self):
        mission = self.recorded([answer(call("shell_run", command="echo hi")), finish("said hi")])
        self.serve()
        for _ in range(2):  # Each `remit run` is a run of its own.
            done = self.remit("run", "-o", "json", mission)
            self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
            summary = json.loads(done.stdout)
            self.assertEqual((summary["goalMet"], summary["answer"], summary["sandboxes"]["count"]), (True, "said hi", 1))
            self.assertEqual(summary["runId"], self.mission_status()["runId"])
        self.assertEqual(len(list((self.data / "runs").iterdir())), 2)
        text = self.remit("run", mission)
        self.assertEqual(text.returncode, 0, text.stderr)
        self.assertIn("shell.run", text.stdout)
        self.assertIn("goal", text.stdout)

    def test_a_run_that_cannot_begin_fails_with_the_reason(self):
        mission = self.write_mission([finish()], extra={"model": {"providerRef": {"name": "missing"}, "name": "x"}})
        self.serve()
        self.remit("apply", mission)
        self.wait_for(lambda: self.phase() == "Failed", what="the failure")
        complete = next(c for c in self.mission_status()["conditions"] if c["type"] == "Complete")
        self.assertEqual(complete["reason"], "CannotBegin")
        self.assertIn("missing", complete["message"])
        self.assertEqual(self.remit("wait", "m").returncode, 1)
        done = self.remit("run", mission)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn("missing", done.stderr)
        self.assertEqual(list((self.data / "runs").iterdir()), [])

    def test_live_and_recording_runs_stay_in_their_own_process(self):
        daemon = self.serve()
        code, summary = self.run_mission(self.write_mission([answer(call("shell_run", command="true")), finish()]))
        self.assertEqual(code, 0)
        self.assertEqual(summary["sandboxes"]["left"], 0)
        self.assertIsNone(daemon.poll())

    def test_only_so_many_run_at_once(self):
        slow = self.recorded([answer(call("shell_run", command="sleep 3")), finish()])
        other = self.work / "other.yaml"
        other.write_text(pathlib.Path(slow).read_text().replace('"name": "m"', '"name": "n"'))
        self.serve("--runs", "1")
        self.remit("apply", slow)
        self.wait_for(lambda: self.phase("m") == "Running", what="the first run")
        self.remit("apply", str(other))
        queued = self.wait_for(lambda: [c for c in self.mission_status("n").get("conditions", []) if c["type"] == "Queued"], what="the condition")[0]
        self.assertEqual((queued["status"], queued["reason"]), ("True", "TooManyRuns"))
        self.assertEqual(self.phase("n"), "Pending")
        self.assertEqual(self.remit("wait", "n", "--timeout", "30s").returncode, 0)
        self.assertEqual(self.phase("m"), "Succeeded")


class Steering(DaemonTest):
    def begun(self, answers, **more):
        mission = self.recorded(answers, **more)
        daemon = self.serve()
        self.assertEqual(self.remit("apply", mission).returncode, 0)
        return daemon

    def test_stop_ends_it_and_nothing_begins_anew(self):
        self.begun([answer(call("shell_run", command="sleep 4")), finish()])
        self.wait_for(lambda: self.phase() == "Running", what="the run")
        self.assertEqual(self.remit("stop", "m").returncode, 0)
        self.assertEqual(self.remit("wait", "m", "--timeout", "20s").returncode, 4)
        run = self.mission_status()["runId"]
        time.sleep(0.5)
        self.assertEqual((self.phase(), self.mission_status()["runId"]), ("Stopped", run))

    def test_pause_and_resume(self):
        self.begun([answer(call("shell_run", command="sleep 2")), answer(call("shell_run", command="echo two")), finish()])
        self.wait_for(lambda: self.phase() == "Running", what="the run")
        self.assertEqual(self.remit("pause", "m").returncode, 0)
        self.wait_for(lambda: self.phase() == "Paused", what="the pause")
        self.assertEqual(self.remit("resume", "m").returncode, 0)
        self.assertEqual(self.remit("wait", "m", "--timeout", "20s").returncode, 0)
        run = self.mission_status()["runId"]
        time.sleep(0.5)
        self.assertEqual(self.mission_status()["runId"], run, "being steered is no reason for another run")

    def test_an_approval_is_answered_through_the_daemon(self):
        mission = self.write_mission([answer(call("shell_run", command="echo ran > r.txt")), finish()], rules=[{"name": "ask", "effect": "Ask", "tools": ["shell.run"]}])
        # Rehearsed with the approval granted, so that the recording knows what follows it.
        keep, self.data = self.data, self.work / "rehearsal"
        rehearsal = self.start("run", "--refresh-recording", "-o", "json", mission)
        self.approve()
        rehearsal.communicate(timeout=30)
        self.assertEqual(rehearsal.returncode, 0)
        self.data = keep
        self.serve()
        self.remit("apply", mission)
        self.approve()
        waited = self.remit("wait", "m", "--timeout", "20s")
        self.assertEqual(waited.returncode, 0, waited.stderr + json.dumps(self.mission_status()))
        self.assertIn("r.txt", self.remit("diff", "--name-only").stdout)

    def approve(self):
        def pending():
            out = self.remit("get", "approvals", "-o", "json").stdout
            return [a for a in json.loads(out)["items"] if a.get("status", {}).get("decision", "Pending") == "Pending"] if out else []
        approval = self.wait_for(pending, what="the approval")[0]
        done = self.remit("approve", approval["metadata"]["name"])
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_get_watches_and_logs_follow_while_it_runs(self):
        mission = self.recorded([answer(call("shell_run", command="sleep 1; echo first")), answer(call("shell_run", command="echo second")), finish()])
        self.serve()
        watch = self.start("get", "missions", "-w")
        self.remit("apply", mission)
        self.wait_for(lambda: self.phase() == "Running", what="the run")
        logs = self.remit("logs", "-f", "m")
        self.assertIn("second", logs.stdout)
        self.remit("wait", "m", "--timeout", "20s")
        seen = []
        reader = threading.Thread(target=lambda: [seen.append(line) for line in iter(watch.stdout.readline, "")], daemon=True)
        reader.start()
        self.wait_for(lambda: any("Succeeded" in line for line in seen), what="the end in the watch")
        self.assertTrue(any("Running" in line for line in seen), seen)
        watch.kill()
        reader.join(5)

    def test_the_log_comes_over_the_socket(self):
        self.begun([answer(call("shell_run", command="echo hi")), finish()])
        self.wait_for(lambda: self.mission_status().get("runId"), what="the run")
        connection = UnixConnection(str(self.data / "remit.sock"))
        connection.request("GET", MISSIONS + "/m/log?follow=1")
        records = [json.loads(line) for line in connection.getresponse().read().splitlines()]
        connection.close()
        self.assertEqual((records[0]["type"], records[-1]["type"]), ("RunBegan", "RunEnded"))


class Crashes(DaemonTest):
    def example(self):
        folder = self.work / "invoices"
        shutil.copytree(ROOT / "examples/invoices", folder)
        return str(folder / "mission.yaml")

    def expect_goal(self, name):
        waited = self.remit("wait", name, "--timeout", "60s", timeout=90)
        self.assertEqual(waited.returncode, 0, waited.stdout + waited.stderr + json.dumps(self.mission_status(name)))
        self.assertEqual(self.phase(name), "Succeeded")
        log = self.records()
        check_once(log)
        self.assertEqual(log[-1]["type"], "RunEnded")
        return sum(r["charged"]["costMicroUSD"] for r in log if r["type"] == "Settled")

    def test_killed_in_the_middle_it_ends_with_the_right_ledger(self):
        mission = self.example()
        daemon = self.serve()
        began = time.monotonic()
        self.assertEqual(self.remit("apply", mission).returncode, 0)
        cost = self.expect_goal("import-invoices")
        length = time.monotonic() - began
        rng = random.Random(2024)
        for _ in range(4):
            self.assertEqual(self.remit("delete", "-n", "finance", "mission", "import-invoices").returncode, 0)
            self.assertEqual(self.remit("apply", mission).returncode, 0)
            time.sleep(rng.uniform(0, length))
            daemon.kill()
            daemon.wait()
            self.wait_for(lambda: not self.sandboxes(), what="the end of the sandboxes")
            daemon = self.serve()
            self.assertEqual(self.expect_goal("import-invoices"), cost)
        self.assertEqual(self.remit("accept").returncode, 0)
        self.assertTrue(pathlib.Path(mission).with_name("ledger.db").exists())
        checked = subprocess.run(["/usr/bin/python3", "check_ledger.py"], cwd=pathlib.Path(mission).parent, capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.assertEqual(sqlite3.connect(pathlib.Path(mission).with_name("ledger.db")).execute("pragma integrity_check").fetchone()[0], "ok")

    def test_an_orderly_stop_leaves_a_run_for_the_next_daemon(self):
        mission = self.recorded([answer(call("shell_run", command="sleep 5")), finish()])
        daemon = self.serve()
        self.remit("apply", mission)
        self.wait_for(lambda: self.phase() == "Running", what="the run")
        daemon.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(15), 0)
        self.wait_for(lambda: not self.sandboxes(), what="the end of the sandboxes")
        self.assertEqual(self.phase(), "Running")
        self.serve()
        self.assertEqual(self.remit("wait", "m", "--timeout", "30s").returncode, 0)

    def test_run_goes_on_over_a_restart_of_the_daemon(self):
        mission = self.recorded([answer(call("shell_run", command="sleep 2")), finish("late")])
        daemon = self.serve()
        process = self.start("run", "-o", "json", mission)
        self.wait_for(lambda: self.phase() == "Running", what="the run")
        daemon.kill()
        daemon.wait()
        self.serve()
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0, out + err)
        self.assertEqual(json.loads(out)["answer"], "late")


if __name__ == "__main__":
    unittest.main()

"""What the tests of the whole program share: a data folder and a workspace of their own, missions on recorded answers, and the binary."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("REMIT_BINARY", str(ROOT / "build/release/remit"))


def call(name, **arguments):
    return {"name": name, "arguments": arguments}


def answer(*uses, text="", usage=None):
    return {"text": text, "toolUses": list(uses), "usage": usage or {"input": 100, "output": 10}}


def finish(text="done"):
    return answer(call("finish", answer=text))


class RemitTest(unittest.TestCase):
    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="remit-test-"))
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)
        self.data = self.work / "data"
        self.folder = self.work / "folder"
        self.folder.mkdir()
        self.processes = []
        self.addCleanup(self.end_processes)

    def end_processes(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def environment(self, **more):
        return dict(os.environ, REMIT_DATA=str(self.data), **more)

    def remit(self, *args, timeout=60, env=None):
        return subprocess.run([BINARY, *args], cwd=self.work, env=self.environment(**(env or {})), capture_output=True, text=True,
                              timeout=timeout, stdin=subprocess.DEVNULL)

    def start(self, *args, env=None):
        process = subprocess.Popen([BINARY, *args], cwd=self.work, env=self.environment(**(env or {})), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   stdin=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def write_mission(self, answers, rules=None, budget=None, name="m", extra=None, provider=None):
        """A mission on the answers in order, or on another provider; returns the manifest's path."""
        lines = [{"format": "remit.dev/model-recording", "version": 1, "made": "by a test", "model": "some-model",
                  "pricesMicroUSDPerMillionTokens": {"input": 1000000, "cachedInput": 100000, "cacheWrite": 1000000, "output": 10000000,
                                                     "reasoning": 10000000},
                  "volatile": [{"class": "ToolResults"}]}]
        lines += [{"answer": each} for each in answers]
        (self.work / "model.rec").write_text("".join(json.dumps(line) + "\n" for line in lines))
        spec = {
            "goal": "Do what the test says", "agent": {"type": "Builtin"},
            "model": {"providerRef": {"name": "default"}, "name": "some-model"},
            "workspace": {"type": "Directory", "directory": {"path": str(self.folder)}, "write": ["out/**", "*.txt"], "hide": [".env"]},
            "budget": budget or {"costUSD": "1", "tokens": 1000000, "toolCalls": 100},
            "permissions": {"rules": rules or [{"name": "all", "effect": "Allow", "tools": ["files.*", "shell.run"]}]},
            "isolation": {"minimumTier": "Process"},
        }
        spec.update(extra or {})
        objects = [
            {"apiVersion": "remit.dev/v1alpha1", "kind": "ModelProvider", "metadata": {"name": "default"},
             "spec": provider or {"type": "Recorded", "recorded": {"path": "model.rec"}}},
            {"apiVersion": "remit.dev/v1alpha1", "kind": "Mission", "metadata": {"name": name}, "spec": spec},
        ]
        path = self.work / "mission.yaml"
        path.write_text("\n---\n".join(json.dumps(each, indent=1) for each in objects))
        return str(path)

    def run_mission(self, mission, *args, timeout=60):
        """Runs to the end and returns (exit code, summary)."""
        done = self.remit("run", "--refresh-recording", "-o", "json", *args, mission, timeout=timeout)
        self.assertTrue(done.stdout, done.stderr)
        return done.returncode, json.loads(done.stdout)

    def records(self):
        out = self.remit("logs", "-o", "jsonl").stdout
        return [json.loads(line) for line in out.splitlines()]

    def outcomes(self, tool):
        """Settled outcomes and denials of one tool, in order of their calls."""
        calls, results = {}, {}
        for record in self.records():
            if record["type"] == "Proposed" and record["action"]["tool"] == tool:
                calls[record["call"]] = record["action"]
            if record["call" if "call" in record else "seq"] in calls and record["type"] in ("Settled", "Judged"):
                if record["type"] == "Settled":
                    results[record["call"]] = record["outcome"]
                elif record["verdict"]["decision"] != "Allow":
                    results[record["call"]] = record["verdict"]
        return [results[number] for number in sorted(results)]

    def wait_for(self, condition, seconds=20, what="the condition"):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        self.fail(f"{what} did not come within {seconds} s")

    def mission_status(self, name="m"):
        done = self.remit("get", "mission", name, "-o", "json")
        return json.loads(done.stdout).get("status", {}) if done.returncode == 0 else {}

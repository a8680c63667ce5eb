#!/usr/bin/env python3
"""What goes wrong around a run: a full disk, killed processes, hostile files, an ordinary user, and an example with other invoices."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

import remit_bed
from remit_bed import ROOT, RemitTest, answer, call, finish

IS_ROOT = os.geteuid() == 0


def shell(command, timeout_s=30):
    return call("shell_run", command=command, timeout_s=timeout_s)


def processes_with(marker):
    """Pids whose command line holds the marker, zombies aside."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if marker.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def children_of(pid):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "stat").read_text().rsplit(")", 1)[1].split()[1] == str(pid):
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def cgroups_of(instance):
    found = []
    for base, folders, _ in os.walk("/sys/fs/cgroup"):
        found += [os.path.join(base, folder) for folder in folders if folder == f"remit.{instance}"]
        if base.count("/") > 6:
            folders.clear()
    return found


class Killed(RemitTest):
    """kill -9 while a command runs: within a second nothing of it is left."""

    def start_command(self):
        self.marker = f"31{os.getpid()}7{time.monotonic_ns() % 1000000}"
        # A session of its own that ignores what it can, and a child that waits: all must go. The first run only completes the recording.
        command = f"test -e quick || {{ (setsid sh -c 'trap \"\" TERM HUP INT; sleep {self.marker}' &) ; sleep {self.marker}; }}"
        mission = self.write_mission([answer(shell(command, 3600)), finish()])
        (self.folder / "quick").touch()
        code, summary = self.run_mission(mission)
        self.assertEqual(code, 0, summary)
        (self.folder / "quick").unlink()
        process = self.start("run", "-o", "json", mission)
        self.wait_for_command()
        return process

    def wait_for_command(self):
        self.wait_for(lambda: len(processes_with(f"sleep\0{self.marker}")) == 2, what="the command")

    def assert_nothing_left(self, pid, within_s=1.0):
        deadline = time.monotonic() + within_s
        while True:
            left = (processes_with(f"sleep\0{self.marker}"), cgroups_of(f"run-{pid}"))
            if left == ([], []):
                break
            self.assertLess(time.monotonic(), deadline, f"left behind: {left}")
            time.sleep(0.02)
        self.assertEqual([line for line in pathlib.Path("/proc/self/mounts").read_text().splitlines() if str(self.work) in line], [])

    def test_the_spawner_is_killed(self):
        process = self.start_command()
        spawners = [pid for pid in children_of(process.pid) if "remit-spawner" in pathlib.Path(f"/proc/{pid}/cmdline").read_text()]
        self.assertEqual(len(spawners), 1)
        os.kill(spawners[0], signal.SIGKILL)
        self.assert_nothing_left(process.pid)
        out, err = process.communicate(timeout=20)
        self.assertNotEqual(process.returncode, -signal.SIGSEGV)
        summary = json.loads(out)
        self.assertFalse(self.outcomes("shell.run")[0]["ok"])
        self.assertEqual(summary["sandboxes"]["left"], 0)

    def test_remit_is_killed(self):
        process = self.start_command()
        process.kill()
        process.communicate()
        self.assert_nothing_left(process.pid)
        # The command is repeated by the resume, as it had no effect; it is stopped here.
        resumed = self.start("resume", "m")
        self.wait_for_command()
        resumed.send_signal(signal.SIGINT)
        resumed.communicate(timeout=20)
        self.assertEqual(resumed.returncode, 4)
        self.assert_nothing_left(resumed.pid)


@unittest.skipUnless(IS_ROOT, "needs root to mount a small file system")
class FullDisk(RemitTest):
    # The command waits for the disk to fill up; what it prints then fits into the log no longer.
    ANSWERS = [answer(call("files_write", path="one.txt", content="one")), answer(shell("sleep 1.5; head -c 150000 /dev/zero | base64")),
               answer(call("files_write", path="two.txt", content="two")), finish("whole")]

    def setUp(self):
        super().setUp()
        self.disk = self.work / "disk"
        self.disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(self.disk)], capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest("cannot mount a tmpfs: " + mounted.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "-l", str(self.disk)])
        self.data = self.disk / "data"
        self.ballast = self.disk / "ballast"

    def fill(self):
        descriptor = os.open(self.ballast, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            while True:
                os.write(descriptor, b"x" * 4096)
        except OSError:
            os.close(descriptor)

    def test_a_run_fails_clearly_loses_nothing_and_goes_on_when_there_is_room(self):
        mission = self.write_mission(self.ANSWERS)
        code, whole = self.run_mission(mission)
        self.assertEqual(code, 0, whole)
        shutil.rmtree(self.data)
        process = self.start("run", mission)
        self.wait_for(lambda: processes_with("sleep\x001.5"), what="the command")
        before = self.records()
        self.fill()
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 70, out + err)
        self.assertIn("No space left", out + err)
        self.assertIn("remit resume", out + err, "it says what to do")
        self.ballast.unlink()
        self.assertEqual(self.records()[:len(before)], before, "nothing that was acknowledged is lost")
        resumed = self.remit("resume", "m", "-o", "json")
        self.assertEqual(resumed.returncode, 0, resumed.stdout + resumed.stderr)
        again = json.loads(resumed.stdout)
        self.assertEqual((again["answer"], again["costMicroUSD"], again["calls"]), ("whole", whole["costMicroUSD"], whole["calls"]))
        self.assertEqual([c["path"] for c in again["changes"]], ["one.txt", "two.txt"])

    def test_a_disk_that_is_full_from_the_start(self):
        self.fill()
        done = self.remit("run", "--refresh-recording", self.write_mission([finish()]))
        self.assertEqual(done.returncode, 70, done.stdout + done.stderr)
        self.assertIn("No space left", done.stderr)
        self.ballast.unlink()
        self.assertEqual(self.remit("run", "--refresh-recording", str(self.work / "mission.yaml")).returncode, 0)

    def test_a_folder_that_is_full_at_accept(self):
        self.data = self.work / "data"
        self.folder = self.disk / "folder"
        self.folder.mkdir()
        (self.folder / "mine.txt").write_text("mine")
        uses = [call("files_write", path="mine.txt", content="new"), call("files_write", path="big.txt", content="y" * 200000)]
        code, summary = self.run_mission(self.write_mission([answer(*uses), finish()]))
        self.assertEqual(code, 0, summary)
        self.fill()
        refused = self.remit("accept")
        self.assertEqual(refused.returncode, 70, refused.stdout + refused.stderr)
        self.assertIn("No space left", refused.stderr)
        self.assertIn((self.folder / "mine.txt").read_text(), ("mine", "new"), "a file is old or new, never half")
        self.ballast.unlink()
        accepted = self.remit("accept")
        self.assertEqual(accepted.returncode, 0, accepted.stderr)
        self.assertEqual(((self.folder / "mine.txt").read_text(), (self.folder / "big.txt").stat().st_size), ("new", 200000))


class HostileFiles(RemitTest):
    def run_one(self, *uses, write=("**",), **extra):
        workspace = {"type": "Directory", "directory": {"path": str(self.folder)}, "write": list(write)}
        code, summary = self.run_mission(self.write_mission([answer(*uses), finish()], extra=dict({"workspace": workspace}, **extra)), timeout=120)
        self.assertEqual(code, 0, summary)
        return summary

    def test_names_with_newlines_and_bytes_that_are_no_text(self):
        summary = self.run_one(shell("printf x > \"$(printf 'a\\nb')\"; printf x > \"$(printf 'bad\\377name')\"; printf x > '-rf'; printf x > ok.txt"))
        kept = [c["path"] for c in summary["changes"]]
        self.assertIn("ok.txt", kept)
        self.assertIn("-rf", kept)
        told = self.outcomes("shell.run")[0]["text"]
        for path in ("a\nb", "bad"):
            self.assertTrue(any(path in k for k in kept) or "not kept" in told, (kept, told))
        diff = self.remit("diff")
        self.assertEqual(diff.returncode, 0, diff.stderr)
        self.assertFalse(any(line in ("b", "~ b", "+ b") for line in diff.stdout.splitlines()), "a newline in a name makes no line of its own")
        accepted = self.remit("accept")
        self.assertEqual(accepted.returncode, 0, accepted.stderr)
        self.assertEqual((self.folder / "ok.txt").read_text(), "x")

    def test_ten_thousand_changed_files(self):
        summary = self.run_one(shell("mkdir -p many; python3 -c \"[open(f'many/{i}','w').write(str(i)) for i in range(10000)]\"", 60))
        self.assertEqual(len(summary["changes"]), 10000)
        accepted = self.remit("accept", timeout=120)
        self.assertEqual(accepted.returncode, 0, accepted.stderr)
        self.assertEqual(len(list((self.folder / "many").iterdir())), 10000)
        self.assertEqual((self.folder / "many/9999").read_text(), "9999")

    def test_what_is_no_file_is_not_kept(self):
        make = ("mkfifo pipe; python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('sock')\"; cp /bin/true suid; chmod 6755 suid; "
                "mknod dev c 1 3; ln -s /etc/shadow link; echo ok > ok.txt; true")
        summary = self.run_one(shell(make))
        kept = {c["path"] for c in summary["changes"]}
        self.assertIn("ok.txt", kept)
        self.assertTrue(kept.isdisjoint({"pipe", "sock", "dev"}), kept)
        told = self.outcomes("shell.run")[0]["text"]
        for name in ("pipe", "sock"):
            self.assertIn(name, told)
        self.assertEqual(self.remit("accept").returncode, 0)
        for path in self.folder.iterdir():
            if not path.is_symlink():
                self.assertTrue(path.is_file(), path)
                self.assertEqual(path.stat().st_mode & 0o6000, 0, f"{path} must not be setuid")

    def test_a_pipe_in_the_folder_makes_nobody_wait(self):
        os.mkfifo(self.folder / "pipe")
        self.run_one(call("files_read", path="pipe"), call("files_list", path="."), shell("ls > listed.txt"))
        self.assertFalse(self.outcomes("files.read")[0]["ok"])
        self.assertEqual(self.remit("accept").returncode, 0)

    def test_a_symlink_that_swaps_a_folder(self):
        outside = self.work / "outside"
        outside.mkdir()
        (outside / "victim.txt").write_text("untouched")
        (self.folder / "sub").mkdir()
        (self.folder / "sub/victim.txt").write_text("old")
        self.run_one(shell(f"rm -r sub; ln -s {outside} sub; echo evil > sub/victim.txt; true"),
                     call("files_write", path="sub/victim.txt", content="evil"), call("files_read", path="sub/victim.txt"))
        self.remit("accept")
        self.assertEqual((outside / "victim.txt").read_text(), "untouched")

    def test_the_folder_swaps_under_accept(self):
        outside = self.work / "outside"
        outside.mkdir()
        (self.folder / "sub").mkdir()
        (self.folder / "sub/a.txt").write_text("old")
        self.run_one(call("files_write", path="sub/a.txt", content="new"), call("files_write", path="sub/b.txt", content="new"))
        shutil.rmtree(self.folder / "sub")
        os.symlink(outside, self.folder / "sub")
        refused = self.remit("accept")
        self.assertEqual(refused.returncode, 3, refused.stdout + refused.stderr)
        self.assertEqual(list(outside.iterdir()), [])

    def test_writes_through_links_stay_inside(self):
        outside = self.work / "outside"
        outside.mkdir()
        (outside / "f").write_text("secret-outside")
        os.symlink(outside, self.folder / "out")
        os.symlink("/", self.folder / "root")
        os.symlink(".", self.folder / "self")
        self.run_one(call("files_write", path="out/f", content="evil"), call("files_write", path="out/new", content="evil"),
                     call("files_write", path="root" + str(outside) + "/f", content="evil"), call("files_read", path="out/f"),
                     call("files_list", path="out"), call("files_read", path="self/" * 60 + "out/f"))
        self.assertEqual((outside / "f").read_text(), "secret-outside")
        self.assertEqual(sorted(p.name for p in outside.iterdir()), ["f"])
        self.assertNotIn("secret-outside", json.dumps(self.records()))
        self.assertEqual(self.remit("diff").returncode, 0)


@unittest.skipUnless(IS_ROOT and shutil.which("setpriv"), "needs root and setpriv to become another user")
class OrdinaryUser(RemitTest):
    def setUp(self):
        super().setUp()
        binary = self.work / "remit"
        shutil.copy(remit_bed.BINARY, binary)
        self.binary = str(binary)

    def as_user(self, *args, timeout=60):
        for folder, _, files in os.walk(self.work):
            os.chown(folder, 1000, 1000)
            for name in files:
                os.chown(os.path.join(folder, name), 1000, 1000)
        command = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", self.binary, *args]
        return subprocess.run(command, cwd=self.work, env=self.environment(HOME=str(self.work)), capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL)

    def mission(self, limits):
        return self.write_mission([answer(shell("id -u; echo made > made.txt; cat /etc/shadow; true")), finish("by a user")],
                                  extra={"isolation": {"minimumTier": "Process", "limits": limits}})

    def test_best_effort_works(self):
        done = self.as_user("run", "--refresh-recording", "-o", "json", self.mission("BestEffort"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        summary = json.loads(done.stdout)
        self.assertEqual((summary["answer"], [c["path"] for c in summary["changes"]]), ("by a user", ["made.txt"]))
        self.assertEqual(self.as_user("accept").returncode, 0)
        self.assertEqual((self.folder / "made.txt").stat().st_uid, 1000)

    def test_enforced_is_refused_clearly(self):
        report = json.loads(self.as_user("doctor", "-o", "json").stdout)
        if {"memory", "pids"} <= set(report["enforcedLimits"]):
            self.skipTest("this user has a delegated cgroup: limits can be enforced")
        done = self.as_user("run", "--refresh-recording", self.mission("Enforced"))
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        for hint in ("BestEffort", "remit doctor"):
            self.assertIn(hint, done.stderr)


class Leftovers(RemitTest):
    def test_a_resume_removes_what_a_kill_of_everything_left(self):
        marker = f"32{os.getpid()}8{time.monotonic_ns() % 1000000}"
        mission = self.write_mission([answer(shell(f"test -e quick || sleep {marker}", 3600)), finish()])
        (self.folder / "quick").touch()
        self.assertEqual(self.run_mission(mission)[0], 0)
        (self.folder / "quick").unlink()
        process = self.start("run", "-o", "json", mission)
        self.wait_for(lambda: processes_with(f"sleep\0{marker}"), what="the command")
        spawners = [pid for pid in children_of(process.pid) if "remit-spawner" in pathlib.Path(f"/proc/{pid}/cmdline").read_text()]
        for pid in [process.pid, *spawners]:  # Nobody is left to clean up.
            os.kill(pid, signal.SIGSTOP)
        for pid in [*spawners, process.pid]:
            os.kill(pid, signal.SIGKILL)
        process.communicate()
        self.wait_for(lambda: not processes_with(f"sleep\0{marker}"), seconds=2, what="the end of the command")
        (self.folder / "quick").touch()
        resumed = self.remit("resume", "m")
        self.assertEqual(resumed.returncode, 0, resumed.stdout + resumed.stderr)
        self.assertEqual(cgroups_of(f"run-{process.pid}"), [])

    def test_many_at_once_do_not_disturb_each_other(self):
        self.remit("get", "missions")
        started = [self.start("doctor", "-o", "json") for _ in range(8)]
        for process in started:
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, out + err)
            self.assertTrue(json.loads(out)["tiers"]["Process"]["available"], out)


class OtherInvoices(RemitTest):
    def test_the_recording_fits_other_invoices(self):
        example = self.work / "invoices"
        shutil.copytree(ROOT / "examples/invoices", example)
        for seed in ("7", "99"):
            made = subprocess.run(["/usr/bin/python3", "make_data.py", "--seed", seed], cwd=example, capture_output=True, text=True, timeout=60)
            self.assertEqual(made.returncode, 0, made.stderr)
            done = self.remit("run", "-o", "json", str(example / "mission.yaml"), timeout=120)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            summary = json.loads(done.stdout)
            self.assertTrue(summary["goalMet"])
            self.assertEqual(summary["sandboxes"]["left"], 0)

    def test_a_wrong_ledger_does_not_pass(self):
        """The control: with invoices that the importer cannot read as they are, the check says no."""
        example = self.work / "invoices"
        shutil.copytree(ROOT / "examples/invoices", example)
        path = next((example / "data/legacy/halden").glob("invoice-2024-0*.json"))
        path.write_text(path.read_text().replace('"', "'"))
        done = self.remit("run", "-o", "json", str(example / "mission.yaml"), timeout=120)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertFalse(json.loads(done.stdout)["goalMet"])


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""Odd input on the command line: each gets an answer that says what is wrong, an exit code with a meaning, and no crash."""
import json
import os
import pathlib
import shutil
import subprocess
import unittest

import remit_bed
from remit_bed import RemitTest, answer, call, finish

USAGE, REFUSED, NOT_FOUND, INTERNAL = 2, 3, 6, 70


class InputsTest(RemitTest):
    def expect(self, code, *args, says=(), **kwargs):
        done = self.remit(*args, **kwargs)
        said = f"remit {' '.join(args)} → {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        if code is not None:
            self.assertEqual(done.returncode, code, said)
        self.assertGreaterEqual(done.returncode, 0, said)  # Never by a signal.
        self.assertNotIn("terminate called", done.stderr, said)
        if done.returncode != 0:
            self.assertTrue(done.stderr.strip(), said)
            self.assertLess(len(done.stderr), 5000, "an error does not quote without end")
        for text in [says] if isinstance(says, str) else says:
            self.assertIn(text, done.stderr, said)
        return done


class Files(InputsTest):
    def file(self, name, content):
        path = self.work / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def test_files_that_are_no_manifest(self):
        deep = "a: " + "[" * 100000 + "]" * 100000
        cases = {
            "missing": (str(self.work / "no/such.yaml"), (USAGE, NOT_FOUND), "such.yaml"),
            "folder": (str(self.folder), (USAGE, NOT_FOUND, REFUSED, INTERNAL), "folder"),
            "empty": (self.file("empty.yaml", ""), (USAGE,), "empty.yaml"),
            "only comments": (self.file("comments.yaml", "# nothing\n---\n# here\n"), (USAGE,), "comments.yaml"),
            "binary": (self.file("binary.yaml", os.urandom(4096)), (USAGE,), "binary.yaml"),
            "zeros": (self.file("zeros.yaml", b"\0" * 4096), (USAGE,), "zeros.yaml"),
            "deep": (self.file("deep.yaml", deep), (USAGE,), "deep.yaml"),
            "deep JSON": (self.file("deep.json", "[" * 100000), (USAGE,), "deep.json"),
            "huge": (self.file("huge.yaml", "a: " + "x" * (64 << 20)), (USAGE, INTERNAL), "huge.yaml"),
            "bad UTF-8": (self.file("latin.yaml", b"kind: Mission\nmetadata: {name: \xff\xfe}\n"), (USAGE,), "latin.yaml"),
            "unknown kind": (self.file("kind.yaml", "apiVersion: remit.dev/v1alpha1\nkind: Misson\nmetadata: {name: m}\n"), (USAGE,), "Mission"),
            "other version": (self.file("v.yaml", "apiVersion: remit.dev/v9\nkind: Mission\nmetadata: {name: m}\n"), (USAGE,), "v1alpha1"),
            "no mission": (self.file("b.yaml", "apiVersion: remit.dev/v1alpha1\nkind: Budget\nmetadata: {name: m}\nspec: {costUSD: \"1\"}\n"), (USAGE,), "b.yaml"),
            "a list": (self.file("list.yaml", "- 1\n- 2\n"), (USAGE,), "list.yaml"),
            "a number": (self.file("n.yaml", "42"), (USAGE,), "n.yaml"),
        }
        for name, (path, codes, says) in cases.items():
            for verb in (["run"], ["validate"], ["apply", "-f"]):
                if name == "no mission" and verb != ["run"]:
                    continue
                with self.subTest(name, verb=verb[0]):
                    done = self.expect(None, *verb, path, says=says)
                    self.assertIn(done.returncode, codes, done.stderr)

    def test_a_pipe_as_file(self):
        """What `remit validate <(command)` of a shell gives."""
        mission = pathlib.Path(self.write_mission([finish()])).read_text()
        reader, writer = os.pipe()
        os.write(writer, mission.encode())
        os.close(writer)
        done = subprocess.run([remit_bed.BINARY, "validate", f"/dev/fd/{reader}"], cwd=self.work, env=self.environment(), pass_fds=[reader],
                              capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
        os.close(reader)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_standard_input(self):
        mission = pathlib.Path(self.write_mission([finish()])).read_text()
        for verb in (["validate", "-"], ["apply", "-f", "-"]):
            done = subprocess.run([remit_bed.BINARY, *verb], cwd=self.work, env=self.environment(), input=mission, capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.expect(USAGE, *verb)  # Standard input is empty.

    def test_several_missions_in_one_file(self):
        text = pathlib.Path(self.write_mission([finish()])).read_text()
        path = self.file("two.yaml", text + "\n---\n" + text.split("\n---\n")[1].replace('"m"', '"n"'))
        self.expect(USAGE, "run", path, says="several")


class Names(InputsTest):
    ODD = ["nosuch", "", "..", "../../etc", "a\nb", "x" * 5000, "'; drop table", "01JD000000000000000000000", "01JD0000000000000000000000", "-"]

    def test_kinds(self):
        self.expect(USAGE, "get", "misions", says="Mission")
        self.expect(USAGE, "get", "\x1b[31mred", "x")
        self.expect(USAGE, "delete", "nosuch", "x")

    def test_names_that_nothing_has(self):
        self.write_mission([finish()])
        self.expect(0, "get", "missions")
        for name in self.ODD:
            for verb in ("trace", "logs", "events", "diff", "accept", "discard", "stop", "pause", "resume", "budget", "wait", "approve", "reject"):
                with self.subTest(verb, name=name[:30]):
                    done = self.expect(None, verb, "--", name) if name.startswith("-") else self.expect(None, verb, name)
                    self.assertIn(done.returncode, (USAGE, NOT_FOUND), done.stdout + done.stderr)
                    self.assertNotIn("\nb", done.stderr)

    def test_no_run_at_all(self):
        for verb in ("trace", "logs", "events", "diff", "accept", "discard"):
            self.expect(NOT_FOUND, verb, says="no run")
        self.expect(NOT_FOUND, "why", "1", says="no run")
        self.expect(0, "get", "missions")
        self.expect(0, "stop", "--all")

    def test_calls_that_are_not_there(self):
        code, _ = self.run_mission(self.write_mission([answer(call("shell_run", command="true")), finish()]))
        self.assertEqual(code, 0)
        self.expect(NOT_FOUND, "why", "9999", says="9999")
        self.expect(NOT_FOUND, "why", "0")
        for odd in ("-1", "1.5", "one", "99999999999999999999999", ""):
            self.expect(USAGE, "why", odd)
        self.expect(0, "why", "1")
        self.expect(0, "trace")
        self.expect(NOT_FOUND, "trace", "nosuch", says="nosuch")

    def test_flags(self):
        mission = self.write_mission([finish()])
        self.expect(USAGE, says="ubcommand")
        self.expect(USAGE, "nosuch")
        self.expect(USAGE, "run")
        self.expect(USAGE, "run", "--nosuch", mission)
        self.expect(USAGE, "run", "-o", "xml", mission)
        self.expect(USAGE, "run", "--on-ask", "perhaps", mission)
        for money in ("x", "-1", "1e3", "0.1234567", "99999999999999999999"):
            self.expect(USAGE, "run", "--budget", money, mission)
        for arguments in ("{", "[]", "null", "", "1" * 100000):
            self.expect(USAGE, "can-i", mission, "--tool", "shell.run", "--args", arguments)
        self.expect(None, "can-i", mission, "--tool", "no.such")
        self.expect(USAGE, "wait", "m", "--timeout", "soon")
        self.expect(USAGE, "run", "-n", "Not A Namespace", mission)


class DataFolders(InputsTest):
    def test_folders_that_cannot_be_one(self):
        (self.work / "file").write_text("x")
        self.expect(None, "get", "missions", "--data", str(self.work / "file"), says="file")
        self.expect(None, "get", "missions", "--data", "/proc/nosuch", says="/proc/nosuch")
        self.expect(None, "get", "missions", "--data", "/dev/null/x", says="/dev/null")
        self.expect(None, "get", "missions", "--data", "x" * 5000)

    def test_a_damaged_folder_is_refused(self):
        self.expect(0, "get", "missions")
        (self.data / "VERSION").write_text("many\n")
        self.expect(INTERNAL, "get", "missions", says="VERSION")
        (self.data / "VERSION").write_text("1\n")
        (self.data / "resources.db").write_bytes(os.urandom(8192))
        self.expect(INTERNAL, "get", "missions", says="resources.db")

    def test_a_damaged_run_does_not_hide_the_others(self):
        mission = self.write_mission([answer(call("shell_run", command="true")), finish()])
        self.assertEqual(self.run_mission(mission)[0], 0)
        first = next((self.data / "runs").iterdir())
        self.assertEqual(self.run_mission(mission)[0], 0)
        for path in first.iterdir():
            if path.is_file() and path.stat().st_size > 500:
                path.write_bytes(os.urandom(path.stat().st_size))
        self.expect(0, "trace")
        self.expect(None, "trace", first.name)
        self.expect(0, "get", "missions")

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs root and setpriv to become another user")
    def test_folders_without_permission(self):
        self.expect(0, "get", "missions")
        binary = self.work / "remit"
        shutil.copy(remit_bed.BINARY, binary)
        os.chmod(self.work, 0o755)
        for mode in (0o000, 0o555):
            for folder, _, files in os.walk(self.data):
                os.chmod(folder, 0o755 if mode else 0o700)
                for name in files:
                    os.chmod(os.path.join(folder, name), 0o444)
            os.chmod(self.data, mode)
            for args in (["get", "missions"], ["run", self.write_mission([finish()])], ["trace"]):
                done = subprocess.run(["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", str(binary), *args], cwd="/",
                                      env=self.environment(HOME="/"), capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
                self.assertIn(done.returncode, (REFUSED, INTERNAL), (oct(mode), args, done.stdout, done.stderr))
                self.assertIn(str(self.data), done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""`remit run` as its users meet it: goals, denials, approvals, budgets, steering, files, and tools that misbehave. The model's answers are recorded,
all the rest is real."""
import json
import os
import pathlib
import pty
import select
import time
import unittest

from remit_bed import BINARY, RemitTest, answer, call, finish


class Goal(RemitTest):
    def test_files_written_by_tools_and_commands_wait_for_accept(self):
        (self.folder / "in.csv").write_text("a\nb\n")
        mission = self.write_mission([
            answer(call("files_write", path="note.txt", content="hello"), call("shell_run", command="wc -l < in.csv > out/n || (mkdir -p out && wc -l < in.csv > out/n)")),
            finish("written")])
        code, summary = self.run_mission(mission)
        self.assertEqual(code, 0, summary)
        self.assertTrue(summary["goalMet"])
        self.assertEqual(summary["answer"], "written")
        self.assertEqual([(c["path"], c["kind"]) for c in summary["changes"]], [("note.txt", "added"), ("out/n", "added")])
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["in.csv"], "the folder changes at accept only")
        self.assertIn("+hello", self.remit("diff").stdout)
        accepted = self.remit("accept")
        self.assertEqual(accepted.returncode, 0, accepted.stderr)
        self.assertEqual((self.folder / "note.txt").read_text(), "hello")
        self.assertEqual((self.folder / "out/n").read_text(), "2\n")

    def test_discard_leaves_nothing(self):
        code, _ = self.run_mission(self.write_mission([answer(call("files_write", path="note.txt", content="x")), finish()]))
        self.assertEqual(code, 0)
        self.assertEqual(self.remit("discard").returncode, 0)
        self.assertIn("changed no file", self.remit("diff").stdout)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_accept_refuses_what_changed_underneath(self):
        (self.folder / "a.txt").write_text("one")
        self.run_mission(self.write_mission([answer(call("files_write", path="a.txt", content="two")), finish()]))
        time.sleep(0.02)
        (self.folder / "a.txt").write_text("mine")
        refused = self.remit("accept")
        self.assertEqual(refused.returncode, 3)
        self.assertIn("a.txt", refused.stderr)
        self.assertEqual((self.folder / "a.txt").read_text(), "mine")

    def test_checks_decide_and_cannot_be_changed(self):
        (self.folder / "check.py").write_text("import pathlib, sys\nsys.exit(0 if pathlib.Path('result.txt').exists() else 'no result')\n")
        check = {"checks": [{"name": "c", "exec": {"command": ["python3", "check.py"]}}]}
        spoil = answer(call("shell_run", command="echo 'raise SystemExit(0)' > check.py; echo 'import os; os._exit(0)' > sitecustomize.py; true"))
        mission = self.write_mission([spoil, finish()], extra=dict(
            check, workspace={"type": "Directory", "directory": {"path": str(self.folder)}, "write": ["**"]}))
        code, summary = self.run_mission(mission)
        self.assertEqual(code, 1, summary)
        self.assertFalse(summary["goalMet"])
        self.assertIn("no result", summary["checks"][0]["output"])

    def test_hidden_files_do_not_exist_for_the_agent(self):
        (self.folder / ".env").write_text("KEY=secret-value")
        mission = self.write_mission([answer(call("files_read", path=".env"), call("shell_run", command="cat .env; ls -a")), finish()])
        self.run_mission(mission)
        self.assertNotIn("secret-value", json.dumps(self.records()))


class Denials(RemitTest):
    def test_a_command_outside_its_condition_is_denied_and_explained(self):
        rules = [{"name": "short", "effect": "Allow", "tools": ["shell.run"], "when": "args.timeout_s <= 10"}]
        code, summary = self.run_mission(self.write_mission([answer(call("shell_run", command="true", timeout_s=60)), finish()], rules=rules))
        self.assertEqual(code, 0)
        self.assertEqual(summary["verdicts"]["deny"], 1)
        self.assertEqual(summary["denials"][0]["layer"], "permissions")
        why = self.remit("why", str(summary["denials"][0]["call"])).stdout
        self.assertIn("short", why)
        self.assertIn("args.timeout_s", why)
        self.assertIn("mission.yaml:", why)

    def test_paths_out_of_the_workspace_are_refused(self):
        os.symlink("/etc/passwd", self.folder / "link")
        bad = ["../x", "/etc/passwd", "a/../../x", "link", "a\nb", "a\u0000b", "x" * 5000]
        uses = [call("files_read", path=path) for path in bad] + [call("files_write", path="../evil.txt", content="x")]
        code, _ = self.run_mission(self.write_mission([answer(*uses), finish()]))
        self.assertEqual(code, 0)
        text = json.dumps(self.records())
        self.assertNotIn("root:x:0", text)
        self.assertFalse((self.work / "evil.txt").exists())

    def test_writes_of_a_command_outside_its_globs_are_dropped_and_reported(self):
        mission = self.write_mission([answer(call("shell_run", command="echo 1 > ok.txt; echo 1 > evil.sh; ln -s /etc/passwd l.txt")), finish()])
        code, summary = self.run_mission(mission)
        self.assertEqual([c["path"] for c in summary["changes"]], ["ok.txt"])
        outcome = self.outcomes("shell.run")[0]
        self.assertIn("not kept: evil.sh", outcome["text"])
        self.assertIn("l.txt", outcome["text"])

    def test_audit_mode_records_and_lets_it_through(self):
        mission = self.write_mission([answer(call("shell_run", command="echo hi")), finish()],
                                     extra={"permissions": {"mode": "Audit", "rules": []}})
        code, summary = self.run_mission(mission)
        self.assertEqual(code, 0)
        self.assertGreaterEqual(summary["verdicts"]["deny"], 1)
        self.assertEqual(summary["sandboxes"]["count"], 1)

    def test_wrong_arguments_and_unknown_tools_are_explained_to_the_agent(self):
        uses = [{"name": "shell_run", "arguments": "{not json"}, call("shell_run", comand="ls"), call("no_such_tool")]
        code, summary = self.run_mission(self.write_mission([answer(*uses), finish()]))
        self.assertEqual(code, 0)
        self.assertEqual(summary["sandboxes"]["count"], 0)

    def test_can_i_tells_before_anything_runs(self):
        mission = self.write_mission([finish()])
        self.assertEqual(self.remit("can-i", mission, "--tool", "shell.run", "--args", '{"command":"ls"}').returncode, 0)
        denied = self.remit("can-i", mission, "--tool", "http.request", "--args", '{"url":"https://example.com/"}')
        self.assertEqual(denied.returncode, 7)
        self.assertIn("egress", denied.stdout)


class Approvals(RemitTest):
    RULES = [{"name": "ask-first", "effect": "Ask", "tools": ["shell.run"]}]

    def pending(self):
        out = self.remit("get", "approvals", "-o", "json").stdout
        items = json.loads(out)["items"] if out else []
        return [each for each in items if each.get("status", {}).get("decision", "Pending") == "Pending"]

    def answer_with(self, verb, *flags, answers=None):
        mission = self.write_mission(answers or [answer(call("shell_run", command="echo ran > r.txt")), finish()], rules=self.RULES)
        process = self.start("run", "--refresh-recording", "-o", "json", mission)
        approval = self.wait_for(self.pending, what="the approval")[0]
        self.assertEqual(approval["spec"]["action"]["tool"], "shell.run")
        self.wait_for(lambda: self.mission_status().get("phase") == "WaitingForApproval", what="the phase")
        done = self.remit(verb, approval["metadata"]["name"], *flags)
        self.assertEqual(done.returncode, 0, done.stderr)
        again = self.remit(verb, approval["metadata"]["name"])
        self.assertEqual(again.returncode, 3)
        out, err = process.communicate(timeout=30)
        return process.returncode, json.loads(out)

    def test_an_approved_action_runs_once(self):
        code, summary = self.answer_with("approve")
        self.assertEqual(code, 0)
        self.assertEqual(summary["verdicts"]["ask"], 1)
        self.assertEqual([c["path"] for c in summary["changes"]], ["r.txt"])

    def test_a_rejected_action_does_not_run_and_the_agent_hears_why(self):
        code, summary = self.answer_with("reject", "-m", "not on my machine")
        self.assertEqual(summary["sandboxes"]["count"], 0)
        self.assertIn("not on my machine", json.dumps(self.records()))

    def test_a_grant_for_the_run_covers_the_same_action_again(self):
        same = call("shell_run", command="echo ran >> r.txt")
        code, summary = self.answer_with("approve", "--for-run", answers=[answer(same), answer(same), finish()])
        self.assertEqual(code, 0)
        self.assertEqual(summary["verdicts"]["ask"], 1)
        self.assertEqual(summary["sandboxes"]["count"], 2)

    def test_on_a_terminal_the_person_is_asked(self):
        mission = self.write_mission([answer(call("shell_run", command="echo ran > r.txt")), finish()], rules=self.RULES)
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.update(REMIT_DATA=str(self.data), TERM="xterm")
            os.execv(BINARY, [BINARY, "run", "--refresh-recording", mission])
        self.addCleanup(os.close, terminal)
        output, answered, deadline = b"", False, time.monotonic() + 30
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 0.2)[0]:
                continue
            try:
                piece = os.read(terminal, 4096)
            except OSError:  # The other side has gone.
                break
            output += piece
            if b"allow it?" in output and not answered:
                os.write(terminal, b"what\ny\n")
                answered = True
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, output)
        self.assertEqual(output.count(b"allow it?"), 2, "asked again after an answer that is none, and not after the approval")
        self.assertIn(b"+r.txt", output)

    def test_on_ask_reject_never_waits(self):
        mission = self.write_mission([answer(call("shell_run", command="true")), finish()], rules=self.RULES)
        code, summary = self.run_mission(mission, "--on-ask=reject")
        self.assertEqual(code, 0)
        self.assertEqual(summary["sandboxes"]["count"], 0)


class Budgets(RemitTest):
    def test_an_agent_may_finish_on_its_last_call(self):
        mission = self.write_mission(self.loop_of_calls(3) + [finish("just enough")], budget={"toolCalls": 3, "onExhausted": "Kill"})
        code, summary = self.run_mission(mission)
        self.assertEqual((code, summary["answer"], summary["calls"]), (0, "just enough", 3), summary)

    def loop_of_calls(self, count):
        return [answer(call("shell_run", command=f"echo {i}")) for i in range(count)]

    def test_return_partial_gives_a_last_turn_from_the_reserve(self):
        answers = self.loop_of_calls(4) + [answer(text="I got as far as 2.")]
        mission = self.write_mission(answers, budget={"toolCalls": 3, "onExhausted": "ReturnPartial"})
        code, summary = self.run_mission(mission)
        self.assertEqual(code, 5, summary)
        self.assertEqual(summary["reason"], "BudgetExhausted")
        self.assertEqual(summary["answer"], "I got as far as 2.")
        self.assertLessEqual(summary["calls"], 3)

    def test_kill_ends_without_another_call(self):
        mission = self.write_mission(self.loop_of_calls(9), budget={"toolCalls": 5, "onExhausted": "Kill"})
        code, summary = self.run_mission(mission)
        self.assertEqual(code, 5, summary)
        self.assertLessEqual(summary["calls"], 5)

    def test_cost_is_never_passed(self):
        big = {"input": 1000, "output": 4000}
        mission = self.write_mission([answer(call("shell_run", command=f"echo {i}"), usage=big) for i in range(20)], extra={
            "model": {"providerRef": {"name": "default"}, "name": "some-model", "maxOutputTokens": 4000}},
            budget={"costUSD": "0.20", "onExhausted": "Kill"})
        code, summary = self.run_mission(mission)
        self.assertEqual(code, 5, summary)
        self.assertLessEqual(summary["costMicroUSD"], 200000)
        self.assertGreater(summary["costMicroUSD"], 40000)

    def test_pause_waits_for_more_budget(self):
        mission = self.write_mission(self.loop_of_calls(4) + [finish("went on")], budget={"toolCalls": 2, "onExhausted": "Pause"})
        process = self.start("run", "--refresh-recording", "-o", "json", mission)
        self.wait_for(lambda: self.mission_status().get("phase") == "Paused", what="the pause")
        raised = self.remit("budget", "m", "--add-calls", "20")
        self.assertEqual(raised.returncode, 0, raised.stderr)
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0, out + err)
        self.assertEqual(json.loads(out)["answer"], "went on")

    def test_active_duration_ends_a_command_that_takes_too_long(self):
        mission = self.write_mission([answer(call("shell_run", command="sleep 60", timeout_s=60))] * 3,
                                     budget={"activeDuration": "1s", "onExhausted": "Kill"})
        began = time.monotonic()
        code, summary = self.run_mission(mission)
        self.assertEqual(code, 5, summary)
        self.assertLess(time.monotonic() - began, 20)


class Steering(RemitTest):
    def test_stop_ends_a_run_at_once(self):
        process = self.start("run", "--refresh-recording", "-o", "json", self.write_mission([answer(call("shell_run", command="sleep 60", timeout_s=100)), finish()]))
        self.wait_for(lambda: self.mission_status().get("phase") == "Running")
        time.sleep(0.3)
        began = time.monotonic()
        self.assertEqual(self.remit("stop", "m").returncode, 0)
        out, err = process.communicate(timeout=30)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(process.returncode, 4, out + err)
        self.assertEqual(json.loads(out)["phase"], "Stopped")
        self.assertEqual(self.remit("wait", "m").returncode, 4)

    def test_pause_and_resume(self):
        answers = [answer(call("shell_run", command="sleep 0.2")) for _ in range(10)] + [finish()]
        for i, each in enumerate(answers[:-1]):
            each["toolUses"][0]["arguments"]["command"] = f"sleep 0.2; echo {i}"
        process = self.start("run", "--refresh-recording", "-o", "json", self.write_mission(answers))
        self.wait_for(lambda: self.mission_status().get("phase") == "Running")
        self.assertEqual(self.remit("pause", "m").returncode, 0)
        self.wait_for(lambda: self.mission_status().get("phase") == "Paused", what="the pause")
        before = len(self.records())
        time.sleep(0.7)
        self.assertEqual(len(self.records()), before, "nothing happens while it is paused")
        self.assertEqual(self.remit("resume", "m").returncode, 0)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, out + err)

    def test_resume_says_when_there_is_nothing_to_resume(self):
        self.run_mission(self.write_mission([finish()]))
        done = self.remit("resume", "m")
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn("remit run", done.stderr)
        self.assertEqual(self.remit("resume", "nosuch").returncode, 6)

    def test_interrupt_stops_cleanly(self):
        process = self.start("run", "--refresh-recording", self.write_mission([answer(call("shell_run", command="sleep 60", timeout_s=100)), finish()]))
        self.wait_for(lambda: self.mission_status().get("phase") == "Running")
        process.send_signal(2)
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, 4)


class BadTools(RemitTest):
    """Tools that never return, flood, fork without end or ignore SIGTERM: the run goes on, and the agent is told."""

    def one_command(self, command, timeout_s=2):
        code, summary = self.run_mission(self.write_mission([answer(call("shell_run", command=command, timeout_s=timeout_s)), finish()]))
        self.assertEqual(code, 0, summary)
        self.assertEqual(summary["sandboxes"]["left"], 0)
        return self.outcomes("shell.run")[0]

    def test_never_returns(self):
        self.assertEqual(self.one_command("sleep 1000")["sandbox"]["endedBy"], "timeout")

    def test_ignores_sigterm(self):
        self.assertEqual(self.one_command("trap '' TERM; while :; do sleep 1; done")["sandbox"]["endedBy"], "timeout")

    def test_prints_without_end(self):
        outcome = self.one_command("yes | head -c 10000000000", timeout_s=30)
        self.assertGreater(outcome["truncatedBytes"], 1 << 30)
        self.assertLess(len(outcome["text"]), 300000)

    def test_forks_without_end(self):
        outcome = self.one_command("f() { f | f & }; f; sleep 30")
        self.assertIn(outcome["sandbox"]["endedBy"], ["timeout", "pids", "exit", "signal"])

    def test_takes_all_memory(self):
        outcome = self.one_command("python3 -c \"x = bytearray(4 << 30); print(len(x))\"", timeout_s=20)
        self.assertIn(outcome["sandbox"]["endedBy"], ["oom", "exit"])
        self.assertFalse(outcome["ok"])

    def test_going_in_circles_ends_the_run(self):
        same = answer(call("shell_run", command="echo same"))
        code, summary = self.run_mission(self.write_mission([same] * 12))
        self.assertEqual(code, 1)
        self.assertLess(summary["sandboxes"]["count"], 8)


class Refusals(RemitTest):
    def test_a_tier_that_is_missing_is_refused_never_lowered(self):
        mission = self.write_mission([finish()], extra={"isolation": {"minimumTier": "MicroVM"}})
        done = self.remit("run", mission)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn("MicroVM", done.stderr)

    def test_manifests_with_faults_name_file_line_and_field(self):
        cases = {
            "unknown field": ("spec: {gaol: x}", "did you mean 'goal'"),
            "duplicate": ("kind: Mission\nkind: Mission", "kind"),
            "malformed": ("kind: [", "bad.yaml:"),
            "bomb": ("a: &a [x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(12)), "alias"),
        }
        head = "apiVersion: remit.dev/v1alpha1\nkind: Mission\nmetadata: {name: m}\n"
        for name, (text, expected) in cases.items():
            path = self.work / "bad.yaml"
            path.write_text((head if name == "unknown field" else "") + text)
            done = self.remit("run", str(path))
            self.assertEqual(done.returncode, 2, name)
            self.assertIn("bad.yaml", done.stderr, name)
            self.assertIn(expected, done.stderr, name)

    def test_what_this_version_cannot_do_is_refused_never_passed_over(self):
        for field, value in {"toolServerRefs": [{"name": "x"}], "classRef": {"name": "x"}}.items():
            done = self.remit("run", self.write_mission([finish()], extra={field: value}))
            self.assertEqual(done.returncode, 3, done.stdout)
            self.assertIn(field, done.stderr)
            self.assertIn("mission.yaml:", done.stderr)

    def test_a_goal_of_a_megabyte_is_refused(self):
        mission = pathlib.Path(self.write_mission([finish()], extra={"goal": "x" * 1000000}))
        done = self.remit("run", str(mission))
        self.assertEqual(done.returncode, 2)
        self.assertLess(len(done.stderr), 5000)

    def test_a_data_folder_of_a_newer_version_is_refused(self):
        self.remit("get", "missions")
        (self.data / "VERSION").write_text("99\n")
        done = self.remit("get", "missions")
        self.assertEqual(done.returncode, 3)
        self.assertIn("99", done.stderr)

    def test_the_same_mission_does_not_run_twice_at_once(self):
        mission = self.write_mission([answer(call("shell_run", command="sleep 5", timeout_s=20)), finish()])
        process = self.start("run", "--refresh-recording", mission)
        self.wait_for(lambda: self.mission_status().get("phase") == "Running")
        second = self.remit("run", mission)
        self.assertEqual(second.returncode, 3, second.stdout)
        self.assertIn("remit stop", second.stderr)
        process.send_signal(2)
        process.communicate(timeout=20)


if __name__ == "__main__":
    unittest.main(verbosity=2)

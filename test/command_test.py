#!/usr/bin/env python3
"""A command as the agent: its files, its doors, its key, what it may not do, and how it ends. The model's answers are recorded, all the rest is real."""
import http.server
import json
import os
import pathlib
import signal
import textwrap
import threading
import time
import unittest

from remit_bed import RemitTest, answer

# What a small agent needs, without any library.
CLIENT = textwrap.dedent("""
    import json, os, sys, time, urllib.request, urllib.error
    def post(url, body, key=None, **headers):
        headers = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if key: headers["Authorization"] = "Bearer " + key
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, dict(response.headers), response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read().decode()
    KEY, OPENAI, MCP = os.environ["OPENAI_API_KEY"], os.environ["OPENAI_BASE_URL"], os.environ["REMIT_MCP_URL"]
    HISTORY = []  # A recording goes on with the conversation that it knows.
    def chat(text, key=KEY, **more):
        HISTORY.append({"role": "user", "content": text})
        got = post(OPENAI + "/chat/completions", {"model": "some-model", "messages": HISTORY, **more}, key)
        if got[0] != 200: HISTORY.pop()
        elif not more.get("stream"): HISTORY.append(json.loads(got[2])["choices"][0]["message"])
        return got
    class Mcp:
        def __init__(self):
            self.headers, self.next = {"Accept": "application/json, text/event-stream"}, 0
            status, headers, _ = self.send("initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "t", "version": "1"})
            session = next((v for k, v in headers.items() if k.lower() == "mcp-session-id"), None)
            if session: self.headers["Mcp_Session_Id"] = session
            self.headers["MCP_Protocol_Version"] = "2025-11-25"
            post(MCP, {"jsonrpc": "2.0", "method": "notifications/initialized"}, KEY, **self.headers)
        def send(self, method, **params):
            self.next += 1
            return post(MCP, {"jsonrpc": "2.0", "id": self.next, "method": method, "params": params}, KEY, **self.headers)
        def ask(self, method, **params):
            text = self.send(method, **params)[2]
            if text.lstrip().startswith("{"): return json.loads(text)
            messages = [json.loads(line[5:]) for line in text.splitlines() if line.startswith("data:") and line[5:].strip()]
            return next(m for m in messages if "result" in m or "error" in m)
""")


class CommandTest(RemitTest):
    def command(self, *args, flags=(), name="m", timeout=60):
        """`remit run -- ARGS` to its end: (exit code, summary)."""
        done = self.remit("run", "--tier", "Process", "--dir", str(self.folder), "--name", name, "-o", "json", *flags, "--", *args, timeout=timeout)
        self.assertTrue(done.stdout, done.stderr)
        return done.returncode, json.loads(done.stdout)

    def script(self, text):
        """A Python agent on recorded answers; returns its argv."""
        return ["python3", "-c", CLIENT + textwrap.dedent(text)]

    def agent_mission(self, text, answers=(), **more):
        extra = {"agent": {"type": "Command", "command": {"argv": self.script(text)}}}
        extra.update(more.pop("extra", {}))
        return self.write_mission(list(answers), rules=more.pop("rules", [{"name": "http", "effect": "Allow", "tools": ["http.request"]}]), extra=extra, **more)

    def lines(self):
        return [record["message"] for record in self.records() if record["type"] == "Note" and record.get("call", 0)]

    def printed(self):
        return json.loads(self.lines()[-1])


class Files(CommandTest):
    def test_what_it_changes_waits_for_accept(self):
        (self.folder / "a.txt").write_text("one\n")
        (self.folder / "old.txt").write_text("x")
        code, summary = self.command("sh", "-c", "echo two >> a.txt; rm old.txt; mkdir d; echo new > d/b.txt; echo all done")
        self.assertEqual(code, 0, summary)
        self.assertEqual([(c["path"], c["kind"]) for c in summary["changes"]], [("a.txt", "modified"), ("d/b.txt", "added"), ("old.txt", "deleted")])
        self.assertEqual(summary["answer"], "all done")
        self.assertEqual(summary["sandboxes"]["left"], 0)
        self.assertEqual((self.folder / "a.txt").read_text(), "one\n", "the folder changes at accept only")
        self.assertIn("+two", self.remit("diff").stdout)
        self.assertEqual(self.remit("accept").returncode, 0)
        self.assertEqual((self.folder / "a.txt").read_text(), "one\ntwo\n")
        self.assertEqual((self.folder / "d/b.txt").read_text(), "new\n")
        self.assertFalse((self.folder / "old.txt").exists())

    def test_writes_outside_the_globs_are_dropped_and_reported(self):
        code, summary = self.command("sh", "-c", "echo 1 > ok.txt; echo 1 > evil.sh; ln -s /etc/passwd l.txt", flags=["--write", "*.txt"])
        self.assertEqual(code, 0, summary)
        self.assertEqual([c["path"] for c in summary["changes"]], ["ok.txt"])
        logs = self.remit("logs").stdout
        self.assertIn("not kept: evil.sh", logs)
        self.assertIn("not kept: l.txt", logs)

    def test_hidden_files_do_not_exist_for_it(self):
        (self.folder / ".env").write_text("KEY=secret-value")
        self.command("sh", "-c", "cat .env; ls -a", flags=["--hide", ".env"])
        self.assertNotIn("secret-value", json.dumps(self.lines()))

    def test_checks_decide(self):
        code, summary = self.command("sh", "-c", "echo 41 > n.txt", flags=["--check", "grep -q 42 n.txt"])
        self.assertEqual((code, summary["goalMet"], summary["reason"]), (1, False, "ChecksFailed"), summary)
        code, summary = self.command("sh", "-c", "echo 42 > n.txt", flags=["--check", "grep -q 42 n.txt"], name="m2")
        self.assertEqual((code, summary["goalMet"]), (0, True), summary)


class Surroundings(CommandTest):
    def test_it_finds_its_goal_its_key_and_its_doors(self):
        code, _ = self.command("python3", "-c", "import os, json; json.dump(dict(os.environ), open('env.json', 'w')); print(os.environ['REMIT_KEY'])",
                               flags=["--goal", "see"])
        self.assertEqual(code, 0)
        self.remit("accept")
        env = json.loads((self.folder / "env.json").read_text())
        self.assertTrue(env["OPENAI_API_KEY"].startswith("rk-"))
        self.assertEqual(env["REMIT_KEY"], env["OPENAI_API_KEY"])
        self.assertEqual((env["REMIT_GOAL"], env["REMIT_WORKSPACE"], env["HOME"]), ("see", "/work", "/home/agent"))
        self.assertRegex(env["OPENAI_BASE_URL"], r"^http://127\.0\.0\.1:\d+/v1$")
        self.assertRegex(env["REMIT_MCP_URL"], r"^http://127\.0\.0\.1:\d+/mcp$")
        self.assertNotIn("REMIT_DATA", env, "nothing of the caller's environment is passed on")
        self.assertEqual(self.lines(), ["***"], "the key is masked in what is kept")
        self.assertNotIn(env["REMIT_KEY"], (self.data / "runs").exists() and json.dumps(self.records()))

    def test_there_is_no_network_but_its_doors(self):
        text = """
            import socket
            out = {}
            for name, address in {"outside": ("192.0.2.1", 80), "loopback": ("127.0.0.1", 22)}.items():
                try: socket.create_connection(address, timeout=2); out[name] = "connected"
                except OSError as error: out[name] = "refused"
            try: socket.getaddrinfo("example.com", 80); out["dns"] = "resolved"
            except OSError: out["dns"] = "refused"
            out["none"] = chat("hi", key=None)[0]
            out["wrong"] = chat("hi", key="rk-" + "0" * 64)[0]
            out["mcp"] = post(MCP, {"jsonrpc": "2.0", "id": 1, "method": "ping"}, "rk-wrong")[0]
            print(json.dumps(out))
        """
        code, summary = self.command(*self.script(text))
        self.assertEqual(code, 0, summary)
        self.assertEqual(self.printed(), {"outside": "refused", "loopback": "refused", "dns": "refused", "none": 401, "wrong": 401, "mcp": 401})

    def test_its_end_is_told(self):
        code, summary = self.command("sh", "-c", "echo kept > k.txt; echo trouble >&2; exit 3")
        self.assertEqual((code, summary["reason"]), (1, "AgentFailed"), summary)
        self.assertEqual([c["path"] for c in summary["changes"]], ["k.txt"])
        events = self.remit("events").stdout
        self.assertIn("exit code 3", events)
        self.assertIn("trouble", events)

    def test_a_program_that_is_not_there(self):
        code, summary = self.command("no-such-program")
        self.assertEqual((code, summary["reason"]), (1, "AgentFailed"))
        self.assertIn("no-such-program", self.remit("events").stdout)

    def test_endless_output_is_bounded(self):
        code, summary = self.command("sh", "-c", "yes | head -c 100000000; echo; echo the end")
        self.assertEqual(code, 0, summary)
        self.assertTrue(summary["answer"].endswith("the end") or "y" in summary["answer"])
        lines = self.lines()
        self.assertLess(sum(map(len, lines)), 2 << 20)
        self.assertIn("more output", lines[-1])


class Doors(CommandTest):
    def test_a_recorded_model_plain_and_streaming_nested_in_the_agent(self):
        text = """
            status, headers, body = chat("one")
            out = {"status": status, "plain": json.loads(body)["choices"][0]["message"]["content"]}
            status, headers, body = chat("two", stream=True)
            pieces = [json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: {")]
            out["stream"] = "".join(p["choices"][0]["delta"].get("content") or "" for p in pieces if p["choices"])
            out["ended"] = "data: [DONE]" in body
            print(json.dumps(out))
        """
        code, summary = self.run_mission(self.agent_mission(text, [answer(text="first"), answer(text="second answer")]))
        self.assertEqual(code, 0, summary)
        self.assertEqual(self.printed(), {"status": 200, "plain": "first", "stream": "second answer", "ended": True})
        self.assertEqual(summary["tokens"]["output"], 20)
        self.assertGreater(summary["costMicroUSD"], 0)
        calls = {r["call"]: r for r in self.records() if r["type"] == "Proposed"}
        agent = next(number for number, r in calls.items() if r["action"]["tool"] == "agent.run")
        models = [r for r in calls.values() if r["action"]["tool"] == "model.call"]
        self.assertEqual([r["parent"] for r in models], [agent, agent])

    def test_without_a_model_only_model_calls_are_refused(self):
        code, summary = self.command(*self.script("status, _, body = chat('hi'); print(json.dumps([status, body])); open('x', 'w').write('1')"))
        self.assertEqual(code, 0, summary)
        status, body = self.printed()
        self.assertEqual(status, 403, body)
        self.assertIn("no ModelProvider 'default'", body)
        self.assertIn("--live", body)
        self.assertEqual([c["path"] for c in summary["changes"]], ["x"])

    def test_mcp_offers_what_the_rules_allow_and_explains_denials(self):
        server = http.server.HTTPServer(("127.0.0.1", 0), Greeter)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        port = server.server_address[1]
        text = f"""
            mcp = Mcp()
            out = {{"tools": [t["name"] for t in mcp.ask("tools/list")["result"]["tools"]]}}
            def call(name, **arguments):
                got = mcp.ask("tools/call", name=name, arguments=arguments)
                result = got.get("result") or {{"isError": True, "content": [{{"text": json.dumps(got["error"])}}]}}
                return [result.get("isError", False), result["content"][0]["text"]]
            http = next(t for t in out["tools"] if "http" in t)
            out["allowed"] = call(http, url="http://127.0.0.1:{port}/hello")
            out["denied"] = call(http, url="http://mail.example.net/")
            out["wrote"] = call("files_write", path="tool.txt", content="by a tool")
            out["read"] = call("files_read", path="tool.txt")
            out["ran"] = call("shell_run", command="cat tool.txt; echo changed > out/shell.txt || (mkdir out && echo changed > out/shell.txt)")
            out["outside"] = call("files_write", path="evil.sh", content="x")
            open("own.txt", "w").write("by the program")
            print(json.dumps(out))
        """
        extra = {"permissions": {"rules": [{"name": "all", "effect": "Allow", "tools": ["http.request", "files.*", "shell.run"]}],
                                 "egress": [{"name": "local", "host": "127.0.0.1", "port": port}]}}
        code, summary = self.run_mission(self.agent_mission(text, extra=extra))
        self.assertEqual(code, 0, (summary, self.lines()))
        out = self.printed()
        self.assertEqual(sorted(out["tools"]), ["files_list", "files_read", "files_write", "http_request", "shell_run"])
        self.assertFalse(out["allowed"][0], out)
        self.assertIn("good day", out["allowed"][1])
        self.assertTrue(out["denied"][0])
        self.assertIn("egress", out["denied"][1])
        self.assertEqual([out["wrote"][0], out["read"]], [False, [False, "by a tool"]])
        self.assertIn("by a tool", out["ran"][1])
        self.assertTrue(out["outside"][0])
        self.assertEqual(sorted(c["path"] for c in summary["changes"]), ["out/shell.txt", "own.txt", "tool.txt"])

    def test_deny_and_ask_rules_count_for_the_agent_itself(self):
        mission = self.agent_mission("print(1)", rules=[{"name": "not-this", "effect": "Deny", "tools": ["agent.*"]}])
        code, summary = self.run_mission(mission)
        self.assertEqual((code, summary["reason"], summary["sandboxes"]["count"]), (1, "AgentFailed", 0), summary)
        self.assertEqual(summary["denials"][0]["rule"], "not-this")


class Greeter(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"good day"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Steering(CommandTest):
    def begin(self, *args, flags=(), name="m"):
        process = self.start("run", "--tier", "Process", "--dir", str(self.folder), "--name", name, "-o", "json", *flags, "--", *args)
        self.wait_for(lambda: self.mission_status(name).get("phase") == "Running", what="the start")
        return process

    def wait_for_line(self, text):
        self.wait_for(lambda: any(text in line for line in self.lines()), what=f"the line {text}")

    def test_output_is_seen_while_it_works(self):
        process = self.begin("sh", "-c", "echo early; sleep 30")
        self.wait_for_line("early")
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)

    def test_stop_ends_it_and_keeps_its_files(self):
        process = self.begin("sh", "-c", "echo half > half.txt; echo ready; sleep 100")
        self.wait_for_line("ready")
        began = time.monotonic()
        self.assertEqual(self.remit("stop", "m").returncode, 0)
        out, err = process.communicate(timeout=30)
        self.assertLess(time.monotonic() - began, 15)
        summary = json.loads(out)
        self.assertEqual((process.returncode, summary["phase"]), (4, "Stopped"), err)
        self.assertEqual([c["path"] for c in summary["changes"]], ["half.txt"])
        self.assertEqual(summary["sandboxes"]["left"], 0)

    def test_one_that_ignores_sigterm_is_killed(self):
        process = self.begin("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
        self.wait_for_line("ready")
        self.remit("stop", "m")
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 4)

    def test_active_time_ends_it(self):
        code, summary = self.command("sleep", "100", flags=["--time", "1s"])
        self.assertEqual((code, summary["reason"]), (5, "BudgetExhausted"), summary)

    def test_pause_holds_its_calls(self):
        text = "print('ready', flush=True); time.sleep(1.5); print(json.dumps(chat('one')[0]))"
        process = self.start("run", "--refresh-recording", "-o", "json", self.agent_mission(text, [answer(text="first")]))
        self.wait_for_line("ready")
        self.assertEqual(self.remit("pause", "m").returncode, 0)
        self.wait_for(lambda: self.mission_status().get("phase") == "Paused", what="the pause")
        self.wait_for(lambda: [r for r in self.records() if r["type"] == "Proposed" and r["action"]["tool"] == "model.call"], what="the call")
        time.sleep(0.5)
        self.assertEqual(self.lines(), ["ready"], "its call waits")
        self.assertEqual(self.remit("resume", "m").returncode, 0)
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0, out + err)
        self.assertEqual(self.lines(), ["ready", "200"])

    def budget_mission(self, policy, text):
        return self.agent_mission(text, [answer(text=str(i), usage={"input": 1000, "output": 1000}) for i in range(50)],
                                  budget={"tokens": 8000, "onExhausted": policy},
                                  extra={"model": {"providerRef": {"name": "default"}, "name": "some-model", "maxOutputTokens": 1000}})

    def test_kill_ends_it_when_a_call_is_refused_for_the_budget(self):
        text = "i = 0\nwhile True:\n    i += 1; chat('ask %d' % i, max_tokens=1000)\n    time.sleep(0.05)"
        code, summary = self.run_mission(self.budget_mission("Kill", text))
        self.assertEqual((code, summary["reason"]), (5, "BudgetExhausted"), summary)
        self.assertLessEqual(summary["tokens"]["input"] + summary["tokens"]["output"], 8000)

    def test_return_partial_lets_it_finish_by_itself(self):
        text = "i, status = 0, 200\nwhile status == 200:\n    i += 1; status = chat('ask %d' % i, max_tokens=1000)[0]\nprint('enough'); open('part.txt', 'w').write('x')"
        code, summary = self.run_mission(self.budget_mission("ReturnPartial", text))
        self.assertEqual((code, summary["answer"]), (0, "enough"), summary)
        self.assertEqual([c["path"] for c in summary["changes"]], ["part.txt"])

    def test_pause_on_exhaustion_waits_for_more(self):
        text = "done = 0\nfor i in range(40):\n    if chat('ask %d' % i, max_tokens=1000)[0] == 200: done += 1\n    if done == 6: break\nprint(done)"
        process = self.start("run", "--refresh-recording", "-o", "json", self.budget_mission("Pause", text))
        self.wait_for(lambda: self.mission_status().get("phase") == "Paused", what="the pause")
        raised = self.remit("budget", "m", "--add-tokens", "100000")
        self.assertEqual(raised.returncode, 0, raised.stderr)
        out, err = process.communicate(timeout=40)
        self.assertEqual(process.returncode, 0, out + err)
        self.assertEqual(self.lines()[-1], "6")

    def test_an_agent_whose_runtime_was_killed_starts_again_on_the_runs_files(self):
        script = "ls; [ -e lost.txt ] && exit 9; echo 1 > lost.txt; echo ready; sleep 3; echo 2 > found.txt"
        process = self.begin("sh", "-c", script)
        self.wait_for_line("ready")
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
        done = self.remit("resume", "m")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        records = self.records()
        self.assertEqual(records[-1]["type"], "RunEnded")
        self.assertTrue(records[-1]["goalMet"])
        self.assertEqual(sum(1 for r in records if r["type"] == "Proposed" and r["action"]["tool"] == "agent.run"), 2)
        self.assertEqual(self.remit("accept").returncode, 0)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["found.txt", "lost.txt"])


class Flags(CommandTest):
    def test_a_dry_run_prints_a_manifest_that_does_the_same(self):
        flags = ["run", "--tier", "Process", "--dir", str(self.folder), "--name", "dry", "--goal", "Say: \"hi\" # no comment", "--budget", "0.5", "--tokens", "1000",
                 "--calls", "7", "--time", "10m", "--allow", "http.request=args.method == 'GET'", "--ask", "http.request=args.method != 'GET'",
                 "--egress", "example.com", "--egress", "[2001:db8::1]:8443", "--hide", ".env", "--check", "test -f hi.txt", "--model", "some-model"]
        command = ["--", "sh", "-c", "echo 'hi --budget' > hi.txt\necho \"$1\"", "x", "--dry-run"]
        done = self.remit(*flags, "--dry-run", "-o", "yaml", *command)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.remit("get", "missions", "-o", "json").stdout.count("dry"), 0, "nothing was made")
        path = self.work / "dry.yaml"
        path.write_text(done.stdout)
        self.assertEqual(self.remit("validate", str(path)).returncode, 0)
        ran = self.remit("run", "-o", "json", str(path))
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertEqual(self.lines(), ["--dry-run"])
        self.assertEqual([c["path"] for c in json.loads(ran.stdout)["changes"]], ["hi.txt"])
        as_json = self.remit(*flags, "--dry-run", "-o", "json", *command)
        (self.work / "dry.json").write_text(as_json.stdout)
        self.assertEqual(self.remit("validate", str(self.work / "dry.json")).returncode, 0, as_json.stdout)

    def test_live_names_the_key_and_never_holds_it(self):
        done = self.remit("run", "--live", "--dry-run", "--model", "m1", "--", "sh", env={"OPENAI_API_KEY": "sk-very-secret", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
                                                                                   "ANTHROPIC_API_KEY": "", "REMIT_MODEL_URL": ""})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("OPENAI_API_KEY", done.stdout)
        self.assertNotIn("sk-very-secret", done.stdout)

    def test_mistakes_are_named(self):
        cases = [(["run"], "a command after"), (["run", "x.yaml", "--", "sh"], "a command after"), (["run", "--goal", "x", "x.yaml"], "flags that shape"),
                 (["run", "--egress", "h:p", "--tier", "Process", "--", "sh"], "--egress h:p"), (["run", "--budget", "much", "--", "sh"], "--budget"),
                 (["run", "--tier", "Proces", "--", "sh"], "Process"), (["run", "--time", "soon", "--", "sh"], "activeDuration"),
                 (["run", "--allow", "http.request=)(", "--tier", "Process", "--dir", str(self.folder), "--", "sh"], "allow-1")]
        for args, expected in cases:
            done = self.remit(*args)
            self.assertEqual(done.returncode, 2, (args, done.stderr))
            self.assertIn(expected, done.stderr, args)

    @unittest.skipIf(any((pathlib.Path(folder) / "runsc").exists() for folder in os.environ["PATH"].split(":")), "this host may have GVisor")
    def test_the_default_tier_is_not_lowered_by_itself(self):
        done = self.remit("run", "--", "true")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("--tier Process", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)

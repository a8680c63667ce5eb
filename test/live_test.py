#!/usr/bin/env python3
"""`remit run` with a model over HTTP: good answers in both dialects, what providers do wrong, what it costs, what becomes of the key, and
recordings that are made and replayed."""
import json
import os
import pathlib
import socket
import time
import unittest

from model_server import ModelServer, anthropic_events, answers, hangs, openai_events, raw, streams
from remit_bed import RemitTest, call

KEY = "sk-secret-7f3a9c1e5b"
PRICES = [{"model": "some-model", "inputMicroUSDPerMTok": 1000000, "cachedInputMicroUSDPerMTok": 100000, "outputMicroUSDPerMTok": 10000000}]
QUICK = {"connect": "500ms", "firstByte": "500ms", "idle": "500ms", "total": "20s"}


def usage(prompt, output, cached=0):
    return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output, "prompt_tokens_details": {"cached_tokens": cached}}


WRITES = [call("files_write", path="note.txt", content="from the model")]
ENDS = [call("finish", answer="all done")]


class LiveTest(RemitTest):
    def serve(self, *script):
        server = ModelServer(*script)
        self.addCleanup(server.stop)
        return server

    def provider(self, server, kind="OpenAI", **more):
        member = {"OpenAI": "openAI", "Anthropic": "anthropic"}[kind]
        url = server if isinstance(server, str) else server.url + ("/v1" if kind == "OpenAI" else "")
        return dict({"type": kind, member: {"baseURL": url, "apiKeyRef": {"env": "TEST_MODEL_KEY"}}, "prices": PRICES, "timeouts": QUICK,
                     "maxRetries": 2}, **more)

    def play(self, provider, *flags, env=None, **mission):
        """Runs a mission on the provider; returns (exit code, summary or None, all output)."""
        path = self.write_mission([], provider=provider, **mission)
        done = self.remit("run", "-o", "json", *flags, path, env=env if env is not None else {"TEST_MODEL_KEY": KEY})
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stdout + done.stderr

    def notes(self):
        return [record["message"] for record in self.records() if record["type"] == "Note"]

    def assert_key_is_nowhere(self, output):
        self.assertNotIn(KEY, output)
        for folder, _, files in os.walk(self.work):
            for name in files:
                path = pathlib.Path(folder, name)
                if path.is_file() and not path.is_symlink():
                    self.assertNotIn(KEY.encode(), path.read_bytes(), path)


class GoodAnswers(LiveTest):
    def assert_goal_by_tools(self, code, summary, output):
        self.assertEqual(code, 0, output)
        self.assertEqual(summary["answer"], "all done")
        self.assertEqual([c["path"] for c in summary["changes"]], ["note.txt"])
        self.assertFalse(summary["recorded"])
        self.assert_key_is_nowhere(output + json.dumps(self.records()))

    def test_openai_by_a_provider(self):
        server = self.serve(streams(openai_events("thinking", WRITES, usage(1000, 100, 400))), streams(openai_events("", ENDS, usage(2000, 50))))
        code, summary, output = self.play(self.provider(server))
        self.assert_goal_by_tools(code, summary, output)
        first, second = server.requests
        self.assertEqual((first["path"], first["headers"]["authorization"]), ("/v1/chat/completions", "Bearer " + KEY))
        self.assertTrue(first["body"]["stream"])
        self.assertIn("files_write", [tool["function"]["name"] for tool in first["body"]["tools"]])
        self.assertEqual(second["body"]["messages"][-1]["role"], "tool")
        self.assertTrue(first["headers"]["traceparent"].startswith("00-"))
        # 600 fresh, 400 cached and 100 out, then 2,000 and 50, each attempt rounded up.
        self.assertEqual(summary["costMicroUSD"], 600 + 40 + 1000 + 2000 + 500)
        self.assertEqual(summary["tokens"], {"input": 3000, "cachedInput": 400, "output": 150, "reasoning": 0})

    def test_anthropic_by_a_provider(self):
        counts = {"input_tokens": 600, "cache_read_input_tokens": 400, "cache_creation_input_tokens": 0, "output_tokens": 100}
        server = self.serve(streams(anthropic_events("thinking", WRITES, counts)),
                            streams(anthropic_events("", ENDS, {"input_tokens": 2000, "output_tokens": 50})))
        code, summary, output = self.play(self.provider(server, "Anthropic"))
        self.assert_goal_by_tools(code, summary, output)
        self.assertEqual((server.requests[0]["path"], server.requests[0]["headers"]["x-api-key"]), ("/v1/messages", KEY))
        self.assertEqual(server.requests[1]["body"]["messages"][-1]["content"][0]["type"], "tool_result")
        self.assertEqual(summary["costMicroUSD"], 600 + 40 + 1000 + 2000 + 500)

    def test_live_by_the_environment(self):
        cases = {"/v1": (openai_events, "authorization", "Bearer " + KEY), "/v1/messages": (anthropic_events, "x-api-key", KEY)}
        for path, (dialect, header, sent) in cases.items():
            with self.subTest(path):
                server = self.serve(streams(dialect("", WRITES)), streams(dialect("", ENDS)))
                # The mission's provider says what the model costs; where and with which key it is reached comes from the environment.
                code, summary, output = self.play(self.provider("http://127.0.0.1:9/v1"), "--live",
                                                  env={"REMIT_MODEL_URL": server.url + path, "REMIT_MODEL_KEY": KEY, "TEST_MODEL_KEY": "other"})
                self.assert_goal_by_tools(code, summary, output)
                self.assertEqual(server.requests[0]["headers"][header], sent)
                self.assertEqual(server.requests[0]["body"]["model"], "some-model")

    def test_live_without_an_address_says_what_to_set(self):
        env = {name: "" for name in ("REMIT_MODEL_URL", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "REMIT_MODEL")}
        code, _, output = self.play(self.provider("http://127.0.0.1:9/v1"), "--live", env=env)
        self.assertEqual(code, 3, output)
        self.assertIn("REMIT_MODEL_URL", output)

    def test_an_answer_in_one_piece(self):
        whole = {"id": "x", "model": "m", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "all done"}}],
                 "usage": usage(10, 5)}
        code, summary, output = self.play(self.provider(self.serve(answers(200, body=whole))))
        self.assertEqual((code, summary["answer"], summary["costMicroUSD"]), (0, "all done", 60), output)

    def test_a_provider_without_its_variable_is_refused(self):
        code, _, output = self.play(self.provider("http://127.0.0.1:9/v1"), env={"TEST_MODEL_KEY": ""})
        self.assertEqual(code, 3, output)
        self.assertIn("TEST_MODEL_KEY", output)


class Faults(LiveTest):
    GOOD = staticmethod(streams(openai_events("all done", (), usage(10, 5))))

    def fail_with(self, *script, **more):
        """The run fails, says why in a note, and gives the key away nowhere; returns (server, summary, what it says)."""
        server = self.serve(*script)
        code, summary, output = self.play(self.provider(server, **more))
        self.assertEqual(code, 1, output)
        self.assertEqual(summary["reason"], "AgentFailed")
        said = "\n".join(self.notes())
        self.assertTrue(said, "a failure is explained")
        self.assert_key_is_nowhere(output + said)
        return server, summary, said

    def recover_from(self, *script, **more):
        server = self.serve(*script)
        code, summary, output = self.play(self.provider(server, **more))
        self.assertEqual((code, summary["answer"]), (0, "all done"), output)
        return server, summary

    def test_401_names_the_variable_and_not_the_key(self):
        # Some servers quote the key that they refuse.
        server, summary, said = self.fail_with(answers(401, body={"error": {"message": f"Incorrect API key provided: {KEY}"}}))
        self.assertIn("TEST_MODEL_KEY", said)
        self.assertEqual(len(server.requests), 1, "it is not tried again")
        self.assertEqual(summary["costMicroUSD"], 0, "an error is not billed")

    def test_a_failure_is_shown_on_the_screen(self):
        path = self.write_mission([], provider=self.provider(self.serve(answers(401))))
        done = self.remit("run", path, env={"TEST_MODEL_KEY": KEY})
        self.assertEqual(done.returncode, 1)
        self.assertIn("TEST_MODEL_KEY", done.stdout + done.stderr)

    def test_retry_after_is_waited_for(self):
        began = time.monotonic()
        server, summary = self.recover_from(answers(429, {"Retry-After": "2"}), self.GOOD)
        self.assertGreaterEqual(time.monotonic() - began, 2.0)
        self.assertEqual((len(server.requests), summary["costMicroUSD"]), (2, 60))

    def test_a_retry_after_of_an_hour_is_not_waited_for(self):
        began = time.monotonic()
        _, _, said = self.fail_with(answers(429, {"Retry-After": "3600"}))
        self.assertLess(time.monotonic() - began, 10)
        self.assertIn("3600", said)

    def test_500_then_good(self):
        server, summary = self.recover_from(answers(500), answers(503), self.GOOD)
        self.assertEqual((len(server.requests), summary["costMicroUSD"]), (3, 60))

    def test_500_for_ever_ends(self):
        server, _, said = self.fail_with(answers(500))
        self.assertEqual(len(server.requests), 3)
        self.assertIn("HTTP 500", said)

    def test_garbage(self):
        cases = {"no HTTP": raw(b"\x00\xff\x13 what\r\n\r\n"), "HTML": answers(200, body=b"<html>proxy login</html>", kind="text/html"),
                 "no JSON": streams([(None, "{nonsense")]), "wrong JSON": streams([(None, {"choices": "none"})]),
                 "an array": answers(200, body=b"[1, 2"), "deep": answers(200, body=b"[" * 100000)}
        for name, behaviour in cases.items():
            with self.subTest(name):
                self.fail_with(behaviour, maxRetries=0)

    def test_half_a_stream_is_charged_in_full(self):
        events = openai_events("a long beginning of an answer", WRITES, usage(1000, 100))
        _, summary, said = self.fail_with(streams(events, stop_after=4))
        self.assertIn("broke", said)
        settled = [r for r in self.records() if r["type"] == "Settled"]
        reserved = [r for r in self.records() if r["type"] == "Reserved"]
        self.assertEqual(settled[0]["charged"], reserved[0]["amounts"], "what it came to is not known, so the reservation counts")
        self.assertGreater(summary["costMicroUSD"], 0)
        self.assertFalse((self.folder / "note.txt").exists())
        self.assertEqual(summary["changes"], [], "half a proposal is no proposal")

    def test_half_an_anthropic_stream(self):
        server = self.serve(streams(anthropic_events("some text", WRITES), stop_after=6))
        code, summary, output = self.play(self.provider(server, "Anthropic"))
        self.assertEqual(code, 1, output)
        self.assertGreater(summary["costMicroUSD"], 0)
        self.assertEqual(summary["changes"], [])

    def test_a_retried_beginning_is_charged_beside_the_answer(self):
        # The provider has counted the input of the first attempt when the connection broke; no content had been passed on, so it is tried again.
        server = self.serve(streams(anthropic_events("x"), stop_after=1), streams(anthropic_events("all done")))
        code, summary, output = self.play(self.provider(server, "Anthropic"))
        self.assertEqual((code, len(server.requests)), (0, 2), output)
        self.assertGreater(summary["costMicroUSD"], 100 + 100, "both attempts may be billed")

    def test_nothing_at_all(self):
        began = time.monotonic()
        _, _, said = self.fail_with(hangs(), maxRetries=0)
        self.assertLess(time.monotonic() - began, 10)
        self.assertIn("in time", said)

    def test_a_stream_that_stalls(self):
        _, summary, said = self.fail_with(hangs(openai_events("some text")[:2]), maxRetries=0)
        self.assertGreater(summary["costMicroUSD"], 0)

    def test_connection_refused(self):
        with socket.socket() as taken:  # Bound and not listening: nobody else gets the port.
            taken.bind(("127.0.0.1", 0))
            code, summary, output = self.play(self.provider(f"http://127.0.0.1:{taken.getsockname()[1]}/v1", maxRetries=1))
        self.assertEqual((code, summary["costMicroUSD"]), (1, 0), output)
        self.assertIn("could not be reached", "\n".join(self.notes()))

    def test_a_stop_ends_a_call_that_hangs(self):
        server = self.serve(hangs(openai_events("some text")[:2]))
        path = self.write_mission([], provider=self.provider(server, timeouts={"idle": "1m"}))
        process = self.start("run", "-o", "json", path, env={"TEST_MODEL_KEY": KEY})
        self.wait_for(lambda: server.requests, what="the request")
        began = time.monotonic()
        process.send_signal(2)
        process.communicate(timeout=10)
        self.assertEqual(process.returncode, 4)
        self.assertLess(time.monotonic() - began, 5)


class Prices(LiveTest):
    GOOD = staticmethod(streams(openai_events("all done", (), usage(1000, 100))))

    def test_a_model_without_a_price_is_refused_before_it_is_asked(self):
        server = self.serve(self.GOOD)
        code, summary, output = self.play(self.provider(server, prices=[]))
        self.assertNotEqual(code, 0, output)
        self.assertEqual(server.requests, [])
        said = output + "\n".join(self.notes())
        self.assertIn("no price is known for model 'some-model'", said)
        self.assertIn("ModelProvider", said)

    def test_a_ceiling_prices_what_is_unknown(self):
        ceiling = {"type": "Ceiling", "ceiling": {"inputMicroUSDPerMTok": 20000000, "outputMicroUSDPerMTok": 100000000}}
        code, summary, output = self.play(self.provider(self.serve(self.GOOD), prices=[], unknownModelPrice=ceiling))
        self.assertEqual((code, summary["costMicroUSD"]), (0, 20000 + 10000), output)

    def test_a_known_model_has_the_public_price_whatever_its_provider_is_called(self):
        server = self.serve(self.GOOD)
        model = {"providerRef": {"name": "default"}, "name": "gpt-4o-mini"}
        code, summary, output = self.play(self.provider(server, prices=[]), extra={"model": model})
        self.assertEqual(code, 0, output)
        self.assertGreater(summary["costMicroUSD"], 0)

    def test_a_budget_that_the_next_call_could_break_is_kept(self):
        server = self.serve(self.GOOD)
        code, summary, output = self.play(self.provider(server), budget={"costUSD": "0.000001", "onExhausted": "Kill"})
        self.assertEqual((code, server.requests, summary["costMicroUSD"]), (5, [], 0), output)


class Recordings(LiveTest):
    def record(self):
        server = self.serve(streams(openai_events("", WRITES, usage(1000, 100))), streams(openai_events("", ENDS, usage(2000, 50))))
        self.recording = self.work / "made.rec"
        code, live, output = self.play(self.provider(server), "--live", "--record", str(self.recording),
                                       env={"REMIT_MODEL_URL": server.url, "REMIT_MODEL_KEY": KEY, "TEST_MODEL_KEY": KEY})
        self.assertEqual(code, 0, output)
        self.assert_key_is_nowhere(output)
        return live

    def replay(self, **mission):
        provider = {"type": "Recorded", "recorded": {"path": "made.rec"}}
        return self.play(provider, **mission)

    def test_a_replay_comes_to_the_same(self):
        live = self.record()
        code, again, output = self.replay()
        self.assertEqual(code, 0, output)
        self.assertTrue(again["recorded"])
        for member in ("phase", "goalMet", "answer", "costMicroUSD", "tokens", "calls", "verdicts", "changes"):
            self.assertEqual(again[member], live[member], member)

    def test_a_changed_goal_is_told_how_it_differs(self):
        self.record()
        code, summary, output = self.replay(extra={"goal": "Do what the test says, and more"})
        self.assertEqual(code, 1, output)
        said = "\n".join(self.notes())
        self.assertIn("Do what the test says, and more", said)
        self.assertIn("differs from turn", said)

    def test_a_changed_prompt_is_told_how_it_differs(self):
        self.record()
        workspace = {"type": "Directory", "directory": {"path": str(self.folder)}, "write": ["elsewhere/**", "*.txt"]}
        code, summary, output = self.replay(extra={"workspace": workspace})
        self.assertEqual(code, 1, output)
        self.assertIn("elsewhere", "\n".join(self.notes()))

    def test_a_recording_that_cannot_be_written_is_refused_at_once(self):
        server = self.serve(streams(openai_events("", ENDS)))
        code, _, output = self.play(self.provider(server), "--live", "--record", str(self.work / "no/such/made.rec"),
                                    env={"REMIT_MODEL_URL": server.url, "TEST_MODEL_KEY": KEY})
        self.assertNotEqual(code, 0)
        self.assertIn("made.rec", output)
        self.assertEqual(server.requests, [])

    def test_record_without_live_is_refused(self):
        done = self.remit("run", "--record", "x.rec", self.write_mission([]))
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("--live", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)

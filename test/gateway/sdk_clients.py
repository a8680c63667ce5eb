"""The tests behind sdk_test.py; they need the packages `openai` and `mcp`. Usage: sdk_clients.py FRONT_DOORS"""
import asyncio
import contextlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import httpx2
import mcp
import openai
from mcp.client.streamable_http import streamable_http_client

FRONT_DOORS = sys.argv.pop(1)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HELLO = [{"role": "user", "content": "hello there"}]
TOOL = {"type": "function", "function": {"name": "files_read", "description": "Reads a file", "strict": False,
                                         "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}}


class FrontDoors(unittest.TestCase):
    tokens = 1000000

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="remit-sdk-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.workspace = self.folder / "workspace"
        self.workspace.mkdir()
        (self.workspace / "notes.md").write_text("buy milk\n")
        (self.workspace / "data").mkdir()
        self.process = subprocess.Popen([FRONT_DOORS, str(self.folder), str(self.tokens)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end)
        said = json.loads(self.process.stdout.readline())
        self.url, self.key = f"http://127.0.0.1:{said['port']}", said["key"]

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def report(self):
        """Ends the gateway; what its run log came to."""
        self.process.stdin.close()
        report = json.loads(self.process.stdout.readline())
        self.assertEqual(self.process.wait(timeout=20), 0)
        self.assertEqual((report["openCalls"], report["reservedTokens"]), (0, 0), "something was not settled")
        return report

    def approve(self, name):
        self.process.stdin.write(f"approve {name}\n")
        self.process.stdin.flush()
        self.assertEqual(self.process.stdout.readline().strip(), "approved")

    def openai(self, key=None):
        client = openai.OpenAI(base_url=self.url + "/v1", api_key=key or self.key, timeout=20, default_headers={"traceparent": TRACE})
        self.addCleanup(client.close)
        return client


class OpenAi(FrontDoors):
    def test_an_answer(self):
        answer = self.openai().chat.completions.create(model="some-model", messages=HELLO, temperature=0.1)
        self.assertEqual(answer.choices[0].message.content, "You said: hello there")
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertEqual((answer.usage.prompt_tokens, answer.usage.completion_tokens), (10, 5))
        report = self.report()
        self.assertEqual(report["records"], ["Proposed", "Judged", "Reserved", "Started", "Settled"])
        self.assertEqual(report["traceParents"], [TRACE])

    def test_a_stream(self):
        chunks = list(self.openai().chat.completions.create(model="some-model", messages=HELLO, stream=True, stream_options={"include_usage": True}))
        self.assertEqual("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices), "You said: hello there")
        self.assertGreater(sum(1 for chunk in chunks if chunk.choices and chunk.choices[0].delta.content), 2, "it came in pieces")
        self.assertEqual(chunks[-1].usage.total_tokens, 15)

    def test_a_tool_call_and_its_result(self):
        client = self.openai()
        for stream in (False, True):
            with self.subTest(stream=stream):
                if stream:
                    with client.chat.completions.stream(model="some-model", messages=HELLO, tools=[TOOL]) as events:
                        message = events.get_final_completion().choices[0].message
                else:
                    message = client.chat.completions.create(model="some-model", messages=HELLO, tools=[TOOL]).choices[0].message
                call = message.tool_calls[0]
                self.assertEqual((call.function.name, json.loads(call.function.arguments)), ("files_read", {"path": "notes.md"}))
                answer = client.chat.completions.create(model="some-model", tools=[TOOL], messages=HELLO + [
                    {"role": "assistant", "tool_calls": [{"id": call.id, "type": "function", "function": {"name": call.function.name,
                                                                                                         "arguments": call.function.arguments}}]},
                    {"role": "tool", "tool_call_id": call.id, "content": "buy milk"}])
                self.assertEqual(answer.choices[0].message.content, "You said: buy milk")

    def test_a_refusal_is_told_once_and_explained(self):
        with self.assertRaises(openai.PermissionDeniedError) as refused:
            self.openai().chat.completions.create(model="another-model", messages=HELLO)
        self.assertIn("another-model", str(refused.exception))
        self.assertEqual(refused.exception.code, "denied_by_policy")
        self.assertEqual(self.report()["records"], ["Proposed", "Judged"], "the client did not try again")

    def test_a_wrong_key(self):
        with self.assertRaises(openai.AuthenticationError) as refused:
            self.openai("rk-wrong").chat.completions.create(model="some-model", messages=HELLO)
        self.assertIn("key of this run", str(refused.exception))
        self.assertEqual(self.report()["records"], [])

    def test_a_stream_that_breaks(self):
        seen = ""
        with self.assertRaises(openai.APIError) as broke:
            for chunk in self.openai().chat.completions.create(model="some-model", messages=[{"role": "user", "content": "break"}], stream=True):
                seen += chunk.choices[0].delta.content or ""
        self.assertEqual(seen, "You said: break")
        self.assertIn("broke off", str(broke.exception))

    def test_a_client_that_goes(self):
        stream = self.openai().chat.completions.create(model="some-model", messages=[{"role": "user", "content": "slow"}], stream=True)
        next(iter(stream))
        stream.close()
        time.sleep(0.2)
        self.assertEqual(self.report()["records"][-1], "Settled")

    def test_the_models(self):
        self.assertEqual([model.id for model in self.openai().models.list()], ["some-model"])


class OpenAiBudget(FrontDoors):
    tokens = 100

    def test_a_budget_that_is_used_up(self):
        client = self.openai()
        made = 0
        with self.assertRaises(openai.RateLimitError) as refused:
            while made < 20:
                made += 1
                client.chat.completions.create(model="some-model", messages=HELLO, max_completion_tokens=20)
        self.assertGreater(made, 1)
        self.assertEqual(refused.exception.code, "budget_exhausted")
        self.assertEqual(self.report()["records"].count("Proposed"), made, "the client did not try again")


class Mcp(FrontDoors):
    def drive(self, work, mode="auto", key=None):
        async def run():
            headers = {"Authorization": f"Bearer {key or self.key}", "traceparent": TRACE}
            async with httpx2.AsyncClient(headers=headers, timeout=20) as http:
                transport = streamable_http_client(self.url + "/mcp", http_client=http)
                async with mcp.Client(transport, mode=mode) as client:
                    return await work(client)
        return asyncio.run(asyncio.wait_for(run(), timeout=30))

    def test_a_session_with_every_kind_of_answer(self):
        async def work(client):
            self.assertEqual(client.protocol_version, "2025-11-25")
            self.assertEqual(client.server_info.name, "remit")
            self.assertEqual(client.instructions, "Keep notes in notes.md.")
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            self.assertEqual(set(tools), {"files_list", "files_read", "files_write"}, "what no rule allows is not shown")
            self.assertTrue(tools["files_read"].annotations.read_only_hint)
            self.assertIn("why", tools["files_read"].input_schema["properties"])
            read = await client.call_tool("files_read", {"path": "notes.md", "why": "to know what to buy"})
            self.assertFalse(read.is_error)
            self.assertIn("buy milk", read.content[0].text)
            written = await client.call_tool("files_write", {"path": "plan.md", "content": "milk first"})
            self.assertFalse(written.is_error, written.content[0].text)
            again = await client.call_tool("files_read", {"path": "plan.md"})
            self.assertIn("milk first", again.content[0].text)
            denied = await client.call_tool("files_write", {"path": "data/x.csv", "content": "1"})
            self.assertTrue(denied.is_error)
            self.assertIn("denied", denied.content[0].text)
            hidden = await client.call_tool("shell_run", {"command": "ls"})
            self.assertTrue(hidden.is_error)
            wrong = await client.call_tool("files_read", {"pth": "notes.md"})
            self.assertTrue(wrong.is_error)
            self.assertIn("did you mean path?", wrong.content[0].text)
            with self.assertRaises(mcp.MCPError):
                await client.call_tool("files_rid", {})
        self.drive(work)
        self.assertFalse((self.workspace / "plan.md").exists(), "the user's folder changes at accept only")
        report = self.report()
        self.assertIn(TRACE, report["traceParents"])

    def test_a_question_to_a_human_is_explained_and_its_grant_is_used_once(self):
        text = {"path": "long.md", "content": "a text of more than twenty bytes"}

        async def work(client):
            asked = await client.call_tool("files_write", text)
            self.assertTrue(asked.is_error)
            said = asked.content[0].text
            self.assertIn("needs approval", said)
            name = said.split("Approval ")[1].split(" ")[0]
            self.approve(name)
            self.assertFalse((await client.call_tool("files_write", text)).is_error)
            self.assertTrue((await client.call_tool("files_write", text)).is_error, "the grant was for one call")
        self.drive(work)
        self.report()

    def test_progress_and_many_calls_at_once(self):
        async def work(client):
            async def read():
                return await client.call_tool("files_read", {"path": "notes.md"}, progress_callback=report_progress)

            async def report_progress(progress, total, message):
                pass
            answers = await asyncio.gather(*(read() for _ in range(20)))
            self.assertTrue(all("buy milk" in answer.content[0].text for answer in answers))
        self.drive(work, mode="legacy")
        self.assertEqual(self.report()["records"].count("Settled"), 20)

    def test_a_wrong_key(self):
        async def work(client):
            self.fail("a session began")
        with self.assertRaises(BaseException) as refused:
            self.drive(work, key="rk-wrong")
        self.assertNotIsInstance(refused.exception, AssertionError)
        self.assertEqual(self.report()["records"], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)

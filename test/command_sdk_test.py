#!/usr/bin/env python3
"""The official Python SDKs (`openai`, `mcp`) inside the sandbox of a command agent, against the doors that its environment names.

The SDKs are installed once into the user's cache ($REMIT_TEST_CACHE, else ~/.cache/remit-test), which then is the workspace: the sandbox sees no other
folder but /usr. Where that cannot be done the test is skipped (exit status 77) and says why.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "gateway"))
from command_test import CommandTest
from remit_bed import answer
from sdk_test import PACKAGES, cache, skip

SYSTEM_PYTHON = "/usr/bin/python3"  # What the agent runs on.


def install():
    """A folder that holds the SDKs, for the system's Python."""
    version = subprocess.run([SYSTEM_PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True, check=True).stdout.strip()
    folder = cache().with_name(cache().name + "-py" + version)
    if (folder / "sdks/complete").exists():
        return folder
    print(f"installing {', '.join(PACKAGES)} into {folder}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    fresh = pathlib.Path(tempfile.mkdtemp(dir=folder))
    try:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20", "--target",
                        str(fresh / "sdks"), "--python-version", version, "--implementation", "cp", "--only-binary=:all:", *PACKAGES],
                       check=True, capture_output=True, text=True, timeout=240)
    except (subprocess.SubprocessError, OSError) as error:
        shutil.rmtree(fresh, ignore_errors=True)
        skip("the SDKs could not be installed: " + (getattr(error, "stderr", None) or str(error)).strip()[-300:])
    (fresh / "sdks/complete").touch()
    shutil.rmtree(folder / "sdks", ignore_errors=True)
    (fresh / "sdks").rename(folder / "sdks")
    fresh.rmdir()
    return folder


AGENT = textwrap.dedent("""
    import asyncio, json, os, sys
    sys.dont_write_bytecode = True
    sys.path.insert(0, "/work/sdks")
    import httpx2, mcp, openai
    from mcp.client.streamable_http import streamable_http_client
    out = {}
    client = openai.OpenAI()  # The environment tells it address and key.
    history = [{"role": "user", "content": "one"}]
    first = client.chat.completions.create(model="some-model", messages=history)
    out["plain"] = first.choices[0].message.content
    history += [{"role": "assistant", "content": out["plain"]}, {"role": "user", "content": "two"}]
    chunks = client.chat.completions.create(model="some-model", messages=history, stream=True)
    out["stream"] = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    try: client.chat.completions.create(model="another-model", messages=history)
    except openai.PermissionDeniedError as refused: out["refused"] = refused.code
    try: openai.OpenAI(api_key="rk-wrong").models.list()
    except openai.AuthenticationError: out["wrong key"] = "refused"
    async def tools():
        async with httpx2.AsyncClient(headers={"Authorization": "Bearer " + os.environ["REMIT_KEY"]}, timeout=20) as http:
            async with mcp.Client(streamable_http_client(os.environ["REMIT_MCP_URL"], http_client=http)) as session:
                out["tools"] = [tool.name for tool in (await session.list_tools()).tools]
                denied = await session.call_tool(out["tools"][0], {"url": "https://mail.example.net/"})
                out["denied"] = [denied.is_error, denied.content[0].text]
    asyncio.run(tools())
    print(json.dumps(out))
""")


class Sdks(CommandTest):
    def test_they_work_from_inside(self):
        extra = {"agent": {"type": "Command", "command": {"argv": [SYSTEM_PYTHON, "-c", AGENT]}},
                 "workspace": {"type": "Directory", "directory": {"path": str(install())}},
                 "permissions": {"rules": [{"name": "http", "effect": "Allow", "tools": ["http.request"]}],
                                 "egress": [{"name": "api", "host": "api.example.com", "port": 443}]}}
        code, summary = self.run_mission(self.write_mission([answer(text="first"), answer(text="second answer")], extra=extra), timeout=120)
        self.assertEqual(code, 0, (summary, self.lines()[-5:]))
        out = self.printed()
        self.assertEqual((out["plain"], out["stream"]), ("first", "second answer"))
        self.assertEqual((out["refused"], out["wrong key"]), ("denied_by_policy", "refused"))
        self.assertEqual(len(out["tools"]), 1)
        self.assertTrue(out["denied"][0])
        self.assertIn("api.example.com", out["denied"][1])
        self.assertEqual(summary["changes"], [])


if __name__ == "__main__":
    if len(sys.argv) == 1:
        install()
    del CommandTest  # Its own file runs it.
    unittest.main(verbosity=2)

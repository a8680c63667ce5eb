"""A model provider over HTTP for tests: loopback, a port of its own, and one scripted behaviour per request, in order; the last one stays."""
import http.server
import json
import threading


def sse(handler, events):
    """Each event is (name or None, payload); a payload that is no string is sent as JSON."""
    for name, payload in events:
        text = payload if isinstance(payload, str) else json.dumps(payload)
        handler.wfile.write(((f"event: {name}\n" if name else "") + f"data: {text}\n\n").encode())
        handler.wfile.flush()


def begin(handler, status=200, headers=None, kind="text/event-stream"):
    handler.send_response(status)
    for name, value in dict({"Content-Type": kind, "Connection": "close"}, **(headers or {})).items():
        handler.send_header(name, value)
    handler.end_headers()


def openai_events(text="", uses=(), usage=None):
    """A whole answer in the OpenAI dialect, its tool arguments in two pieces as real servers send them."""
    def chunk(delta, finish=None):
        return None, {"id": "x", "object": "chat.completion.chunk", "model": "served-model",
                      "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    events = [chunk({"role": "assistant", "content": ""})]
    events += [chunk({"content": piece}) for piece in (text[:3], text[3:]) if piece]
    for index, use in enumerate(uses):
        arguments = json.dumps(use["arguments"])
        events.append(chunk({"tool_calls": [{"index": index, "id": use.get("id", f"use-{index}"), "type": "function",
                                             "function": {"name": use["name"], "arguments": arguments[:5]}}]}))
        events.append(chunk({"tool_calls": [{"index": index, "function": {"arguments": arguments[5:]}}]}))
    events.append(chunk({}, "tool_calls" if uses else "stop"))
    if usage:
        events.append((None, {"id": "x", "object": "chat.completion.chunk", "model": "served-model", "choices": [], "usage": usage}))
    return events + [(None, "[DONE]")]


def anthropic_events(text="", uses=(), usage=None):
    usage = usage or {"input_tokens": 100, "output_tokens": 10}
    events = [("message_start", {"type": "message_start", "message": {
        "id": "x", "type": "message", "role": "assistant", "model": "served-model", "content": [],
        "usage": dict(usage, output_tokens=1)}})]
    blocks = [({"type": "text", "text": ""}, {"type": "text_delta", "text": text})] if text else []
    for index, use in enumerate(uses):
        blocks.append(({"type": "tool_use", "id": use.get("id", f"use-{index}"), "name": use["name"], "input": {}},
                       {"type": "input_json_delta", "partial_json": json.dumps(use["arguments"])}))
    for index, (block, delta) in enumerate(blocks):
        events.append(("content_block_start", {"type": "content_block_start", "index": index, "content_block": block}))
        events.append(("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}))
        events.append(("content_block_stop", {"type": "content_block_stop", "index": index}))
    events.append(("message_delta", {"type": "message_delta", "delta": {"stop_reason": "tool_use" if uses else "end_turn"},
                                     "usage": {"output_tokens": usage["output_tokens"]}}))
    return events + [("message_stop", {"type": "message_stop"})]


def streams(events, stop_after=None):
    """Sends the events; with stop_after only so many of them before the connection ends."""
    def behave(handler):
        begin(handler)
        sse(handler, events[:stop_after])
    return behave


def answers(status, headers=None, body=None, kind="application/json"):
    def behave(handler):
        begin(handler, status, headers, kind)
        handler.wfile.write(body if isinstance(body, bytes) else json.dumps(body or {"error": {"message": "as scripted"}}).encode())
    return behave


def raw(data):
    """These bytes instead of an HTTP answer."""
    return lambda handler: handler.wfile.write(data)


def hangs(events=()):
    """Sends the events, then nothing more until the server is stopped."""
    def behave(handler):
        if events:
            begin(handler)
            sse(handler, events)
        handler.server.stopping.wait(30)
    return behave


class ModelServer:
    def __init__(self, *script):
        self.script = list(script)
        self.requests = []
        lock, outer = threading.Lock(), self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                with lock:
                    outer.requests.append({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body})
                    behave = outer.script.pop(0) if len(outer.script) > 1 else outer.script[0]
                self.close_connection = True
                try:
                    behave(self)
                except (BrokenPipeError, ConnectionResetError):
                    pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.stopping = threading.Event()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def stop(self):
        self.server.stopping.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

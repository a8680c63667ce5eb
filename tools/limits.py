#!/usr/bin/env python3
"""Keeps the table of limits in LIMITS.md equal to the constants in the headers.

    tools/limits.py            prints the table
    tools/limits.py --write    writes it into LIMITS.md, between the two markers
    tools/limits.py --check    fails when LIMITS.md is behind (a test runs this)
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- limits: begin -->", "<!-- limits: end -->"
CONSTANT = re.compile(r"^inline constexpr (?:static )?([\w:<>]+) k(\w+)\s*(?:=\s*([^;]+)|\{([^;]+)\})\s*;\s*(?://\s*(.*))?$")
NUMERIC = ("size_t", "int", "uint", "Duration", "milliseconds", "seconds", "double", "MicroUsd", "Amounts", "ByteSize")


def limits_of(header):
    lines = header.read_text().splitlines()
    for number, line in enumerate(lines):
        # A declaration that the formatter broke over two lines.
        whole = line if ";" in line or number + 1 == len(lines) or not line.startswith("inline constexpr") else line + " " + lines[number + 1].strip()
        match = CONSTANT.match(whole)
        if not match or not any(kind in match[1] for kind in NUMERIC):
            continue
        comment = match[5] or ""
        following = number + 1
        while comment and following < len(lines) and re.match(r"^\s+//\s", lines[following]):
            comment += " " + lines[following].strip().lstrip("/ ")
            following += 1
        yield match[2], " ".join((match[3] or match[4]).split()), comment


def table():
    rows = ["| Module | Limit | Value | What it bounds |", "|---|---|---|---|"]
    for header in sorted((ROOT / "src").rglob("*.h")):
        module = header.relative_to(ROOT / "src").parts[0]
        for name, value, comment in limits_of(header):
            cells = [module, f"`k{name}`", f"`{value}`".replace("|", "\\|"), comment.replace("|", "\\|")]
            rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def main():
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    if not mode:
        print(table())
        return 0
    path = ROOT / "LIMITS.md"
    text = path.read_text()
    head, rest = text.split(BEGIN)
    body, tail = rest.split(END)
    fresh = f"{head}{BEGIN}\n{table()}\n{END}{tail}"
    if mode == "--write":
        path.write_text(fresh)
    elif fresh != text:
        print("LIMITS.md is behind the headers: run tools/limits.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

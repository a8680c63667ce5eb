#!/usr/bin/env python3
"""Style as a test: what STYLE.md demands and a machine can see.

Lines of at most 120 columns, long strings excepted; functions of at most 70 lines; every header begins with a comment
that says what it promises and has #pragma once; no tabs, no trailing blanks, no TODO.
"""
import pathlib
import re
import subprocess
import sys

COLUMNS = 120
FUNCTION_LINES = 70
# A long string, or a piece of a raw one, which a line break would tear.
LITERAL = re.compile(r'R"|"[^"]{50,}')
# Wire bytes and tables read better on one line.
WIDE = re.compile(r"_test\.cc$|_prices\.cc$")
# A line at the left margin that opens a body: a function, not a namespace, type, table or array.
OPENS = re.compile(r"^[A-Za-z_].*[)\w>]( const| override| noexcept| final)*( ->.*)? \{$")
NOT_A_FUNCTION = re.compile(r"^(namespace|struct|class|enum|union|extern|constexpr|inline constexpr|static constexpr|const)\b(?!.*\()")


def problems_of(root, name):
    lines = (root / name).read_text(errors="replace").split("\n")
    cpp = name.endswith((".h", ".cc", ".c"))
    began = None
    for number, line in enumerate(lines, 1):
        if cpp and len(line) > COLUMNS and not WIDE.search(name) and not LITERAL.search(line):
            yield number, f"{len(line)} columns; at most {COLUMNS}"
        if "\t" in line and not name.endswith(("Makefile", ".tsv")) and cpp:
            yield number, "a tab"
        if line != line.rstrip() and cpp:
            yield number, "blanks at the end"
        if cpp and re.search(r"//.*\b(TODO|FIXME|XXX)\b", line):
            yield number, "a TODO: file an issue instead"
        if cpp and OPENS.match(line) and not NOT_A_FUNCTION.match(line):
            began = number
        if cpp and line.startswith("}") and began:
            if number - began + 1 > FUNCTION_LINES and not name.endswith("_test.cc"):
                yield began, f"a function of {number - began + 1} lines; at most {FUNCTION_LINES}"
            began = None
    if name.endswith(".h") and not name.startswith("cmake/"):
        if not lines[0].startswith("//"):
            yield 1, "a header begins with a comment that says what it promises"
        if "#pragma once" not in lines[:60]:
            yield 1, "#pragma once is missing"


def main(root):
    root = pathlib.Path(root)
    names = subprocess.run(["git", "-C", str(root), "ls-files", "src", "cmake", "bench", "test"], capture_output=True, text=True, check=True).stdout.split()
    count = 0
    for name in names:
        if not name.endswith((".h", ".cc", ".c", ".py", ".cmake")):
            continue
        for number, problem in problems_of(root, name):
            print(f"{name}:{number}: {problem}")
            count += 1
    print(f"style: {len(names)} files, {count} problems")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))

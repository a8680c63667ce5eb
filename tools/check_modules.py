#!/usr/bin/env python3
"""Fails when a file of src/ includes a module that src/modules.txt does not allow, or another module's private header.

A module's public headers lie directly in src/<module>/; those in a sub-folder (src/<module>/<part>/x.h) are its own.
"""
import pathlib
import re
import sys


def read_edges(path):
    edges = {}
    for line in path.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        edges[name.strip()] = set(rest.split(";")[0].split())
    return edges


def main(root):
    source = pathlib.Path(root) / "src"
    edges = read_edges(source / "modules.txt")
    order = list(edges)
    problems = []
    for name, allowed in edges.items():
        for dep in sorted(allowed):
            if dep not in edges or order.index(dep) >= order.index(name):
                problems.append(f"src/modules.txt: {name} may not depend on {dep}: it does not stand above it on the page")
    for folder in sorted(p for p in source.iterdir() if p.is_dir()):
        if folder.name not in edges:
            problems.append(f"src/{folder.name}: not listed in src/modules.txt")
    for file in sorted(list(source.rglob("*.h")) + list(source.rglob("*.cc")) + list(source.rglob("*.c"))):
        module = file.relative_to(source).parts[0]
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                continue
            parts = match.group(1).split("/")
            if len(parts) < 2 or parts[0] == module or parts[0] not in edges:
                continue
            place = f"{file.relative_to(root)}:{number}"
            if parts[0] not in edges.get(module, set()):
                problems.append(f"{place}: module {module} may not include {parts[0]} (see src/modules.txt)")
            elif len(parts) > 2:
                problems.append(f"{place}: {match.group(1)} is private to module {parts[0]}")
    for problem in problems:
        print(problem)
    print(f"modules: {len(edges)} modules, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))

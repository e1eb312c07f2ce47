#!/usr/bin/env python3
"""The rooms of the house: no circle of files inside a crate, and no type spread over more than two files.

Reads `use` and inline paths (`crate::`, `super::`, `self::`) of every source file below a crate's `src`, resolves each to the
file that defines what is named (through `pub use`), and leaves tests out. Prints what it finds; exit 1 on any finding.
"""
import re
import sys
from collections import defaultdict
from pathlib import Path

IMPL_FILES_MAX = 2


def plain(text):
    """Source without comments, strings and test modules."""
    text = re.sub(r"#\[cfg\(test\)\]\s*mod \w+ \{.*?\n\}", "", text, flags=re.S)
    text = re.sub(r"#\[cfg\(test\)\]\s*mod \w+;", "", text)
    text = re.sub(r'r#".*?"#|"(?:\\.|[^"\\])*"', '""', text, flags=re.S)
    return re.sub(r"//[^\n]*", "", text)


def module_of(src, file):
    parts = list(file.relative_to(src).with_suffix("").parts)
    if parts[-1] in ("lib", "main", "mod"):
        parts.pop()
    return tuple(parts)


def leaves(tree):
    """The paths of a use tree: `a::{b, c::d}` as [a, b], [a, c, d]."""
    tree = tree.strip()
    match = re.match(r"^(.*?)\{(.*)\}$", tree, flags=re.S)
    if not match:
        path = re.sub(r"\s+as\s+\w+$", "", tree)
        return [[part.strip() for part in path.split("::") if part.strip()]] if path else []
    head = [part.strip() for part in match.group(1).split("::") if part.strip()]
    found, depth, start, body = [], 0, 0, match.group(2) + ","
    for at, char in enumerate(body):
        depth += char == "{"
        depth -= char == "}"
        if char == "," and depth == 0:
            found += [head + rest for rest in leaves(body[start:at])]
            start = at + 1
    return found


class Crate:
    def __init__(self, src):
        self.src = src
        files = [f for f in src.rglob("*.rs") if f.name != "tests.rs"]
        self.text = {module_of(src, f): plain(f.read_text()) for f in files}
        self.file = {module_of(src, f): f for f in files}
        self.exports = {module: self.re_exports(module) for module in self.text}

    def re_exports(self, module):
        names = {}
        for tree in re.findall(r"pub(?:\([^)]*\))? use ([^;]+);", self.text[module]):
            for path in leaves(tree):
                found = self.absolute(module, path)
                if found is not None:
                    names[path[-1]] = found
        return names

    def absolute(self, module, path):
        """The path from the crate's root; None if it leads out of the crate."""
        if path[0] == "crate":
            return tuple(path[1:])
        if path[0] == "self":
            return module + tuple(path[1:])
        ups = 0
        while ups < len(path) and path[ups] == "super":
            ups += 1
        if ups:
            return module[: len(module) - ups] + tuple(path[ups:])
        child = module + (path[0],)
        return module + tuple(path) if child in self.text else None

    def home(self, path, seen=()):
        """The module that defines what a path names."""
        for cut in range(len(path), -1, -1):
            module = path[:cut]
            if module in self.text:
                rest = path[cut:]
                if rest and rest[0] in self.exports[module] and (module, rest[0]) not in seen:
                    return self.home(self.exports[module][rest[0]] + rest[1:], seen + ((module, rest[0]),))
                return module
        return ()

    def arrows(self):
        found = defaultdict(set)
        for module, text in self.text.items():
            body = re.sub(r"\bpub(?:\([^)]*\))? use [^;]+;", "", text)
            paths = [p for tree in re.findall(r"\buse ([^;]+);", body) for p in leaves(tree)]
            rest = re.sub(r"\buse [^;]+;", "", body)
            paths += [p.split("::") for p in re.findall(r"\b(?:crate|super|self)(?:::\w+)+", rest)]
            children = [m[-1] for m in self.text if len(m) == len(module) + 1 and m[:-1] == module]
            for child in children:
                paths += [p.split("::") for p in re.findall(rf"(?<![\w:])({child}(?:::\w+)+)", rest)]
            for path in paths:
                target = self.absolute(module, path)
                if target is None:
                    continue
                home = self.home(target)
                if home != module:
                    found[module].add(home)
        return found

    def circles(self):
        """Strongly connected files, by Tarjan."""
        arrows, index, low, stack, out = self.arrows(), {}, {}, [], []

        def visit(node):
            index[node] = low[node] = len(index)
            stack.append(node)
            for target in arrows.get(node, ()):
                if target not in index:
                    visit(target)
                    low[node] = min(low[node], low[target])
                elif target in stack:
                    low[node] = min(low[node], index[target])
            if low[node] == index[node]:
                group = []
                while True:
                    group.append(stack.pop())
                    if group[-1] == node:
                        break
                if len(group) > 1:
                    out.append(sorted(str(self.file[m]) for m in group))

        for node in sorted(self.text):
            if node not in index:
                visit(node)
        return out

    def spread(self):
        """Types of this crate with `impl` blocks in more than two files."""
        own = {name for text in self.text.values() for name in re.findall(r"\b(?:struct|enum) (\w+)", text)}
        where = defaultdict(set)
        for module, text in self.text.items():
            for name in re.findall(r"^impl(?:<[^>]*>)? (?:[\w:<>', ]+ for )?(?:\w+::)*(\w+)", text, flags=re.M):
                if name in own:
                    where[name].add(str(self.file[module]))
        return {name: sorted(files) for name, files in where.items() if len(files) > IMPL_FILES_MAX}


def main(root):
    bad = False
    for manifest in sorted(list(root.glob("shared/*/Cargo.toml")) + list(root.glob("functions/*/Cargo.toml")) + [root / "cli/Cargo.toml"]):
        crate = Crate(manifest.parent / "src")
        for circle in crate.circles():
            bad = True
            print("a circle of files:\n  " + "\n  ".join(circle), file=sys.stderr)
        for name, files in sorted(crate.spread().items()):
            bad = True
            print(f"`{name}` has impl blocks in {len(files)} files:\n  " + "\n  ".join(files), file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))

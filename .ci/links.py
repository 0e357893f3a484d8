#!/usr/bin/env python3
"""Checks that every relative link of the Markdown files leads to a file, and every
fragment to a heading of it."""

import pathlib
import re
import subprocess
import sys

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.*)$", re.M)
FENCE = re.compile(r"^```.*?^```", re.M | re.S)


def anchors(text):
    """The fragments of a page's headings, as mdBook and GitHub make them."""
    plain = (re.sub(r"[^\w\- ]", "", h).strip() for h in HEADING.findall(text))
    return {heading.lower().replace(" ", "-") for heading in plain}


def broken(page):
    if not page.exists():
        yield f"{page}: no such file"
        return
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists():
            yield f"{page}: {target}: no such file"
        elif fragment and fragment not in anchors(FENCE.sub("", file.read_text())):
            yield f"{page}: {target}: no such heading"


def main():
    listed = subprocess.run(["git", "ls-files", "*.md"], check=True, capture_output=True, text=True)
    pages = {pathlib.Path(name).resolve() for name in listed.stdout.split()}
    faults = [fault for page in sorted(pages) for fault in broken(page)]
    print(*faults, f"{len(pages)} pages, {len(faults)} broken links", sep="\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())

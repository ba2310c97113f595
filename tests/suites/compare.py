"""Compares two runs of one test suite: `compare.py SUITE REFERENCE.xml OURS.xml REASONS`.

Both are JUnit reports. Every test that passes against the reference has to pass against ours, but for those of the file of
reasons: lines `SUITE PATTERN REASON`, the pattern (of fnmatch, against `class::test`) without blanks. A line that excuses
nothing is an error too.
"""

import collections
import fnmatch
import sys
import xml.etree.ElementTree as xml


def outcomes(path):
    """What became of each test; one that is run or reported twice is as bad as its worst."""
    worst = ["passed", "skipped", "failed"]
    found = {}
    for case in xml.parse(path).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        tags = {child.tag for child in case}
        outcome = "failed" if tags & {"failure", "error"} else "skipped" if "skipped" in tags else "passed"
        found[name] = max(outcome, found.get(name, "passed"), key=worst.index)
    return found


def reasons(path, suite):
    lines = (line.split(maxsplit=2) for line in open(path) if line.strip() and not line.startswith("#"))
    return {pattern: reason.strip() for name, pattern, reason in lines if name == suite}


def main(suite, theirs_path, ours_path, reasons_path):
    theirs, ours, excused = outcomes(theirs_path), outcomes(ours_path), reasons(reasons_path, suite)
    print(f"{suite}: reference {dict(collections.Counter(theirs.values()))}, ours {dict(collections.Counter(ours.values()))}")
    used, wrong, skipped = collections.Counter(), [], 0
    for name in sorted(name for name, outcome in theirs.items() if outcome == "passed"):
        outcome = ours.get(name, "missing")
        if outcome == "passed":
            continue
        pattern = next((pattern for pattern in excused if fnmatch.fnmatchcase(name, pattern)), None)
        if pattern:
            used[pattern] += 1
        else:
            wrong.append(f"{outcome}: {name}")
    for pattern, count in used.items():
        print(f"  {count:4} {pattern}: {excused[pattern]}")
    unused = [pattern for pattern in excused if not used[pattern]]
    both = sum(outcome == "passed" and ours.get(name) == "passed" for name, outcome in theirs.items())
    print(f"  {both} pass against both, {sum(used.values())} are excused, {len(wrong)} differ")
    for line in wrong + [f"excuses nothing: {pattern}" for pattern in unused]:
        print(f"  {line}")
    return not both or bool(wrong or unused)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

#!/usr/bin/env python3
"""The statistics of stability of clock-models beside those of allantools (PyPI): processor time
for 10⁶ points at octave averaging times in one process each, and whether the values agree.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install allantools
    /tmp/venv/bin/python testbed/bench/stability.py [POINTS]

allantools gives no confidence intervals unasked; ours are measured without and with them.
"""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time

import allantools
import numpy

points = int(sys.argv[1]) if len(sys.argv) > 1 else 2**20
factors = [2**power for power in range(18)]

# White phase noise and white frequency noise.
random = numpy.random.default_rng(1)
phase = 1e-8 * random.standard_normal(points) + numpy.cumsum(1e-9 * random.standard_normal(points))

with tempfile.NamedTemporaryFile(suffix=".f64") as file:
    phase.astype("<f8").tofile(file.name)
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    ours = subprocess.run(
        ["cargo", "bench", "--quiet", "-p", "testbed", "--bench", "stability", "--", file.name],
        cwd=root, check=True, capture_output=True, text=True,
    ).stdout
found = {}
for line in ours.splitlines():
    name, took, with_intervals, values = line.split()
    found[name] = float(took), float(with_intervals), [float(value) for value in values.split(",")]


def theirs(name):
    """Seconds of the processor, and values; for each statistic the fastest way that allantools has."""
    fastest, values = float("inf"), None
    for _ in range(1 if name == "MTIE" else 3):
        start = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            if name == "MTIE":
                # Binary decomposition: windows of 2, 4, 8 … points.
                _, values, _, _ = allantools.mtie_phase_fast(phase, rate=1.0)
            else:
                function = getattr(allantools, name.lower())
                _, values, _, _ = function(phase, rate=1.0, data_type="phase", taus=factors)
        fastest = min(fastest, time.process_time() - start)
    return fastest, values


print(f"{points} points, {len(factors)} averaging times, allantools {allantools.__version__}")
print(f"{'':6}{'allantools':>12}{'testbed':>12}{'ratio':>9}{'with intervals':>16}{'ratio':>9}  values")
for name, (took, with_intervals, values) in found.items():
    their_time, their_values = theirs(name)
    if name == "MTIE":
        # Its windows of 2^k points are not ours of 2^k + 1: only the first two agree.
        agreement = "other windows"
    else:
        worst = max(abs(a / b - 1) for a, b in zip(values, their_values, strict=True))
        agreement = f"agree to {worst:.0e}"
    print(
        f"{name:6}{their_time:>10.3f} s{took:>10.4f} s{their_time / took:>9.0f}"
        f"{with_intervals:>14.4f} s{their_time / with_intervals:>9.0f}  {agreement}"
    )

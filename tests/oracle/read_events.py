#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads an event file with the package tensorboard, and checks that it says what metrics.jsonl does.

    read_events.py RUN ...      folders of raptr-pretrain --tensorboard

Every number of every line must be a point of the curve with its name, as the nearest float, and nothing else may be there.
"""
import json
import struct
import sys
from pathlib import Path

from tensorboard.backend.event_processing import event_accumulator, event_file_loader, io_wrapper
from tensorboard.util import tensor_util


def as_float(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def expected(run):
    """{tag: [(step, value)]}, and the time that passed until each step."""
    curves, times, passed = {}, {}, 0.0
    for line in (run / "metrics.jsonl").read_text().splitlines():
        fields = json.loads(line)
        step = fields.pop("step")
        passed += fields["step_seconds"]
        times[step] = passed
        for name, value in list(fields.items()):
            if isinstance(value, dict):
                fields.update({f"{name}/{part}": one for part, one in value.items()})
        for name, value in fields.items():
            if isinstance(value, (int, float)):
                curves.setdefault(name, []).append((step, as_float(value)))
    return curves, times


def differences(run):
    curves, times = expected(run)
    files = list(run.glob("*tfevents*"))
    if len(files) != 1 or not io_wrapper.IsSummaryEventsFile(files[0].name):
        return [f"{len(files)} event files"]
    found = []
    # As a script reads it.
    accumulator = event_accumulator.EventAccumulator(str(run), size_guidance={event_accumulator.SCALARS: 0})
    accumulator.Reload()
    tags = accumulator.Tags()["scalars"]
    if sorted(tags) != sorted(curves):
        found.append(f"curves {sorted(tags)} instead of {sorted(curves)}")
    for tag in set(tags) & set(curves):
        points = accumulator.Scalars(tag)
        if [(p.step, p.value) for p in points] != curves[tag]:
            found.append(f"other points of {tag}")
            continue
        begin = points[0].wall_time - times[points[0].step]
        if any(abs(p.wall_time - begin - times[p.step]) > 1e-3 for p in points):
            found.append(f"other times of {tag}")
    if accumulator.file_version != 2.0:
        found.append(f"version {accumulator.file_version}")
    # As the server does: simple values become tensors of the plugin "scalars".
    server = {}
    for event in event_file_loader.EventFileLoader(str(files[0])).Load():
        for value in event.summary.value:
            server.setdefault(value.tag, []).append((event.step, float(tensor_util.make_ndarray(value.tensor))))
    if server != curves:
        found.append("the server's loader sees other points")
    return found


def main():
    failed = False
    for folder in sys.argv[1:]:
        for difference in differences(Path(folder)):
            print(f"FAILED: {folder}: {difference}")
            failed = True
    return 1 if failed or len(sys.argv) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())

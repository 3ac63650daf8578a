"""Under `python -O`, where assertions vanish, the same is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import SegmentError, SpaceValueError
from unienv_data.testing.bad_values import bad_batches, bad_rows, checked_space, good_row
from unienv_data.testing.checking import check_equal
from unienv_data.testing.indexes import INVALID_INDEXES
from unienv_data.testing.model import BufferModel
from unienv_data.testing.suite import batch_of
from unienv_interface.backends import NumpyComputeBackend as B

if __debug__:
    sys.exit("assertions are there")

def refused(name, error, use, *arguments):
    try:
        use(*arguments)
    except error:
        return 1
    sys.exit(f"{name}: accepted")

space = checked_space(B)
rows = [good_row(B, number) for number in range(6)]
buffer, model = ReplayBuffer.create(ZarrStorage, space, cache_path=sys.argv[1]), BufferModel()
buffer.extend(batch_of(space, rows))
model.extend(rows)
count = 0
for fault in bad_rows(B):
    for use in (buffer.append, lambda value: buffer.set_at(0, value)):
        count += refused(fault.name, SpaceValueError, use, fault.value)
for fault in bad_batches(B):
    for use in (buffer.extend, buffer.append_batch, lambda value: buffer.set_at([0, 1, 2], value)):
        count += refused(fault.name, SpaceValueError, use, fault.value)
for name, make in INVALID_INDEXES.items():
    for use in (buffer.get_at, buffer.get_flattened_at, buffer.remove_at):
        count += refused(name, IndexError, use, make(6, B))
count += refused("row 100 of 6", IndexError, buffer.get_at, 100)
buffer.append(rows[0])
count += refused("extend", SegmentError, buffer.extend, batch_of(space, rows))
count += refused("dumps", SegmentError, buffer.dumps, sys.argv[1] + "-copy")
model.append(rows[:1])
check_equal(buffer, model)
buffer.close()
check_equal(ReplayBuffer.load_from(sys.argv[1]), model)
print(count)
"""


def test_everything_is_still_refused(tmp_path: Path) -> None:
    outcome = subprocess.run(
        [sys.executable, "-O", "-c", PROGRAM, str(tmp_path / "d.zarr")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert int(outcome.stdout) > 150

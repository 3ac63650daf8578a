"""What codecs make of frames: `python -m benchmarks.quality`; docs/frames.md shows what it writes.

The same scenes as a simulator renders them and as a camera sees them, with noise; every codec that this
project knows, at several qualities, through a dataset, by one thread. Writes a JSON document, a table and
(with matplotlib) a plot of sizes against PSNR and against the rate of random access.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe_machine
from benchmarks.scenes import render_episode
from unienv_data.codec_trials import SampledColumn, Trial, run_trial
from unienv_data.codec_trials.candidates import misfit
from unienv_data.errors import MissingDependencyError
from unienv_data.store import pool
from unienv_data.store.codecs import known_codecs
from unienv_interface import BoxSpace, NumpyComputeBackend

SCENES = ("rendered", "noisy")
#: By name: specifications from the best quality on; those of one family are joined in the plot.
FAMILIES: dict[str, tuple[str, ...]] = {
    "zstd": ("zstd",),
    "lz4": ("lz4",),
    "qoi": ("qoi",),
    "png": ("png",),
    "webp": ("webp", "webp:95", "webp:90", "webp:80", "webp:60"),
    "jpegxl": ("jpegxl", "jpegxl:95", "jpegxl:90", "jpegxl:80", "jpegxl:60"),
    "avif": ("avif", "avif:90", "avif:80", "avif:60", "avif:40"),
    "jpeg": ("jpeg:99", "jpeg:95", "jpeg:90", "jpeg:80", "jpeg:60"),
    "jpeg 4:4:4": ("jpeg:99:444", "jpeg:95:444", "jpeg:90:444", "jpeg:80:444"),
    "video h264": tuple(f"video:h264:crf={crf}" for crf in (12, 18, 23, 28)),
    "video hevc": tuple(f"video:hevc:crf={crf}" for crf in (12, 18, 23, 28)),
    "video av1": tuple(f"video:av1:crf={crf}" for crf in (15, 25, 35, 45)),
    "video ffv1": ("video:ffv1",),
}


def frames_of(scene: str, size: tuple[int, int], episodes: int, length: int) -> SampledColumn:
    """Episodes of a scene, the same on every machine."""
    runs = [render_episode((7, seed), length, *size, noisy=scene == "noisy") for seed in range(episodes)]
    space = BoxSpace(NumpyComputeBackend, 0, 255, np.uint8, shape=(*size, 3))
    return SampledColumn(scene, space, tuple(runs))


def specs_known(sample: SampledColumn) -> list[tuple[str, str]]:
    """(family, specification) of what there is and holds such frames."""
    known = known_codecs()
    return [
        (family, spec)
        for family, specs in FAMILIES.items()
        for spec in specs
        if spec.split(":")[0] in known and misfit(spec, sample.dtype, sample.shape) is None
    ]


def measure(sample: SampledColumn, seconds: float) -> list[tuple[str, Trial]]:
    """Every codec on one scene, by one thread."""
    pool.limit_threads(1)
    found = []
    try:
        for family, spec in specs_known(sample):
            try:
                found.append((family, run_trial(sample, spec, seconds=seconds)))
            except MissingDependencyError as exc:
                print(f"{spec}: {exc}")
    finally:
        pool.limit_threads(None)
    return found


def table(found: dict[str, list[tuple[str, Trial]]]) -> str:
    """A line a codec as Markdown writes it: size and loss of every scene, rates of the last."""
    by_codec = [{trial.codec: trial for _, trial in trials} for trials in found.values()]
    scenes = [f"{scene}: kB | PSNR | SSIM" for scene in found]
    lines = ["| codec | " + " | ".join(scenes) + " | written/s | random/s | windows/s |"]
    lines.append("|---" * (4 + 3 * len(scenes)) + "|")
    for codec in by_codec[-1]:
        cells = [f"`{codec}`"]
        for trials in by_codec:
            trial = trials[codec]
            cells.append(f"{trial.stored_bytes / trial.rows / 1000:.1f}")
            cells += ["exact", ""] if trial.psnr is None else [f"{trial.psnr:.1f}", f"{trial.ssim or 0:.3f}"]
        last = by_codec[-1][codec]
        cells += [f"{rate:,.0f}" for rate in (last.write_rate, last.read_rate, last.window_rate)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot(found: dict[str, list[tuple[str, Trial]]], path: Path) -> None:
    """Sizes against PSNR, and against the rate of random access, a row a scene."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        len(found), 2, figsize=(12, 4.5 * len(found)), layout="constrained", squeeze=False
    )
    for row, (scene, trials) in enumerate(found.items()):
        best = max((trial.psnr for _, trial in trials if trial.psnr is not None), default=50) + 3
        for family in dict.fromkeys(name for name, _ in trials):
            mine = [trial for name, trial in trials if name == family]
            colour = plt.get_cmap("tab20")(list(FAMILIES).index(family))
            style: dict[str, Any] = {"color": colour, "label": family}
            for shown, marker in (
                ([t for t in mine if not t.lossy], "s"),
                ([t for t in mine if t.lossy], "o"),
            ):
                sizes = [trial.stored_bytes / trial.rows / 1000 for trial in shown]
                if shown:
                    style |= {"marker": marker, "linestyle": "--" if family.startswith("video") else "-"}
                    axes[row, 0].plot(sizes, [best if t.psnr is None else t.psnr for t in shown], **style)
                    axes[row, 1].plot(sizes, [t.read_rate for t in shown], **style)
                    style["label"] = None  # once a family
        axes[row, 0].axhline(best, color="#cccccc", linewidth=1, zorder=0)
        axes[row, 0].text(axes[row, 0].get_xlim()[0], best, " nothing lost", va="bottom", color="#888888")
        axes[row, 0].set(title=f"{scene}: what is lost", ylabel="PSNR, dB; more is better")
        axes[row, 1].set(title=f"{scene}: random frames", ylabel="frames/s by one thread; more is better")
        axes[row, 1].set_yscale("log")
        for each in axes[row]:
            each.set_xscale("log")
            each.set_xlabel("kB a frame; less is better")
            each.spines[["top", "right"]].set_visible(False)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write what was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("out/benchmarks"), help="folder of the results")
    parser.add_argument("--height", type=int, default=224)
    parser.add_argument("--width", type=int, default=224)
    parser.add_argument("--episodes", type=int, default=4)
    parser.add_argument("--length", type=int, default=128, help="frames of an episode")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a codec may write, and read")
    given = parser.parse_args(arguments)
    given.output.mkdir(parents=True, exist_ok=True)
    size = (given.height, given.width)
    found = {
        scene: measure(frames_of(scene, size, given.episodes, given.length), given.seconds)
        for scene in SCENES
    }
    stem = given.output / f"quality-{given.height}x{given.width}"
    document = {
        "machine": describe_machine(),
        "size": size,
        "scenes": {
            scene: [{"family": family, **dataclasses.asdict(trial)} for family, trial in trials]
            for scene, trials in found.items()
        },
    }
    stem.with_suffix(".json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    stem.with_suffix(".md").write_text(table(found) + "\n", encoding="utf-8")
    print(table(found))
    try:
        plot(found, stem.with_suffix(".png"))
    except ModuleNotFoundError:
        print("matplotlib is not installed: no plot")


if __name__ == "__main__":
    main()

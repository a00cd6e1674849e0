# SPDX-License-Identifier: Apache-2.0
"""Builds the Spillway wheel from the checkout, once for all releases (it is abi3)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from .environments import BuildFailed, run
from .progress import Progress

CHECKOUT = Path(__file__).resolve().parents[2]
MATURIN = "maturin>=1.9,<2"


def build(cache: Path, progress: Progress) -> Path:
    """Returns the path of a fresh wheel.

    :raises BuildFailed: cargo is missing, or maturin fails.
    """
    if shutil.which("cargo") is None:
        raise BuildFailed("there is no cargo on PATH; install Rust, or pass --wheel")
    log = cache / "wheel.log"
    log.unlink(missing_ok=True)
    maturin = cache / "maturin" / "bin" / "maturin"
    if not maturin.exists():
        progress.say("wheel", "installing maturin")
        run([sys.executable, "-m", "venv", "--clear", str(cache / "maturin")], log)
        run([str(maturin.with_name("python")), "-m", "pip", "install", "-q", MATURIN], log)
    out = cache / "dist"
    shutil.rmtree(out, ignore_errors=True)
    progress.say("wheel", f"building from {_revision()}")
    run([str(maturin), "build", "--release", "--out", str(out)], log, cwd=CHECKOUT)
    wheels = list(out.glob("nova_spillway-*-abi3-*.whl"))
    if len(wheels) != 1:
        raise BuildFailed(f"expected one abi3 wheel in {out}, found {len(wheels)}")
    progress.say("wheel", wheels[0].name)
    return wheels[0]


def _revision() -> str:
    """What the checkout is, in words; a tree without git is "the checkout"."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "the checkout"

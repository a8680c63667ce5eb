#!/usr/bin/env python3
"""Drives the gateway's front doors with the official SDKs: `openai` for /v1/, `mcp` for /mcp. Usage: sdk_test.py FRONT_DOORS

The SDKs are installed into a virtual environment in the user's cache folder ($REMIT_TEST_CACHE, else ~/.cache/remit-test), once. Where that
cannot be done the test is skipped (exit status 77) and says why. What it starts ends with it.
"""
import os
import pathlib
import subprocess
import sys

PACKAGES = ["openai==3.54.0", "mcp==2.3.0"]
SKIPPED = 77


def cache():
    base = os.environ.get("REMIT_TEST_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "remit-test")
    return pathlib.Path(base) / ("sdks-" + "-".join(package.replace("==", "-") for package in PACKAGES))


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(SKIPPED)


def install():
    """The interpreter of an environment that has the SDKs."""
    folder = cache()
    python = folder / "bin/python"
    done = folder / "complete"
    if done.exists():
        return str(python)
    print(f"installing {', '.join(PACKAGES)} into {folder}", flush=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, capture_output=True, text=True, timeout=120)
    except (subprocess.SubprocessError, OSError) as error:
        skip(f"no virtual environment ({error}); on Debian: apt-get install python3-venv")
    try:
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20",
                        *PACKAGES], check=True,
                       capture_output=True, text=True, timeout=240)
    except subprocess.CalledProcessError as error:
        skip("the SDKs could not be installed: " + error.stderr.strip()[-300:])
    except subprocess.TimeoutExpired:
        skip("the SDKs could not be installed in four minutes")
    done.touch()
    return str(python)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    tests = pathlib.Path(__file__).with_name("sdk_clients.py")
    sys.exit(subprocess.run([install(), str(tests), sys.argv[1]], timeout=150).returncode)

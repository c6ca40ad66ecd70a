"""PyPI packages that a test needs, by the versions and hashes of a requirements file, in a folder
below build/ and nowhere else.

    installed(folder, requirements)     whether the folder holds just what the file says now
    install(folder, requirements)       make it so; OSError, subprocess.SubprocessError
"""
import fcntl
import os
import shutil
import subprocess


def read(path):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except OSError:
        return None


def installed(folder, requirements):
    stamp = read(os.path.join(folder, "stamp"))
    return stamp is not None and stamp == read(requirements)


def install(folder, requirements):
    """Into a folder next to it, then renamed: a half-done one is never used."""
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed(folder, requirements):
            return
        new = folder + ".new"
        shutil.rmtree(new, ignore_errors=True)
        subprocess.run(["/usr/bin/python3", "-m", "pip", "install", "-q",
                        "--disable-pip-version-check", "--no-input", "--no-deps",
                        "--root-user-action=ignore", "--only-binary=:all:", "--require-hashes",
                        "--target", new, "-r", requirements],
                       stdin=subprocess.DEVNULL, check=True, timeout=600)
        shutil.copyfile(requirements, os.path.join(new, "stamp"))
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(new, folder)

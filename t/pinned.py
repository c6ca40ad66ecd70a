"""PyPI packages that a test needs, by the versions and hashes of a requirements file, in a folder
below build/ and nowhere else.

    installed(folder, requirements)     whether the folder holds just what the file says now
    install(folder, requirements)       make it so; OSError, subprocess.SubprocessError
    newest(folder, names)               what pip has of these today, which nothing pins
"""
import contextlib
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


def fill(folder, *what):
    """By pip, into a folder next to it, then renamed: a half-done one is never used."""
    new = folder + ".new"
    shutil.rmtree(new, ignore_errors=True)
    subprocess.run(["/usr/bin/python3", "-m", "pip", "install", "-q",
                    "--disable-pip-version-check", "--no-input", "--root-user-action=ignore",
                    "--only-binary=:all:", "--target", new, *what],
                   stdin=subprocess.DEVNULL, check=True, timeout=600)
    if what[0] == "--require-hashes":
        shutil.copyfile(what[-1], os.path.join(new, "stamp"))
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(new, folder)


@contextlib.contextmanager
def locked(folder):
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install(folder, requirements):
    with locked(folder):
        if not installed(folder, requirements):
            fill(folder, "--require-hashes", "--no-deps", "-r", requirements)


def newest(folder, names):
    with locked(folder):
        fill(folder, *names)

"""Which files of the project the tidy tests look at: those that git tracks, or, where there is no git, all but what is built."""
import os
import subprocess

BUILT = {"build", "data", ".git", ".cache", "__pycache__", "node_modules"}


def _tracked(root):
    """Paths that git tracks below root; None when root is no work tree or git is missing."""
    if not os.path.exists(os.path.join(root, ".git")):
        return None
    try:
        found = subprocess.run(["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.decode().split("\0")[:-1]


def _walked(root):
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in BUILT]
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), root)


def project_files(root):
    """Sorted paths relative to root, with forward slashes; only regular files that exist."""
    tracked = _tracked(root)
    paths = _walked(root) if tracked is None else tracked
    return sorted(path for path in paths if os.path.isfile(os.path.join(root, path)) and not os.path.islink(os.path.join(root, path)))


def read_text(root, path):
    """The file's text; None when it is not UTF-8."""
    with open(os.path.join(root, path), "rb") as file:
        try:
            return file.read().decode("utf-8")
        except UnicodeDecodeError:
            return None


def report(problems, what):
    """Prints every problem and answers the exit code."""
    for problem in problems:
        print(problem)
    if problems:
        print(f"{what}: {len(problems)} to put right")
    return 1 if problems else 0

"""How others write into a folder that is watched."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.project import Project

_GIT = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "gc.auto=0")


def git(project: Project, *arguments: str) -> None:
    """A git command in the project's folder."""
    subprocess.run([*_GIT, *arguments], cwd=project.path, env=project.environment, check=True)


def swap_link(link: Path, target: Path) -> None:
    """The link leads to `target`, from one moment to the next."""
    new = link.with_name(f"{link.name}.new")
    new.symlink_to(target)
    new.replace(link)


class AtomicWriter:
    """A mounted ConfigMap, replaced as Kubernetes' kubelet does it, step by step.

    A folder with the time in its name, a visible link for each new file, `..data` swapped, the
    visible links of files that have gone removed, and at last the old folder.
    """

    def __init__(self, mount: Path) -> None:
        self._mount = mount
        self._written = 0
        mount.mkdir()

    def write(self, files: Mapping[str, str]) -> None:
        """Exactly these files are mounted."""
        self._written += 1
        data, old = self._mount / "..data", (self._mount / "..data").resolve()
        folder = self._mount / f"..2026_11_21_12_00_{self._written:02}.1234567890"
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        for name in files:
            self._show(name)
        (self._mount / "..data_tmp").symlink_to(folder.name)
        (self._mount / "..data_tmp").replace(data)
        for link in self._mount.glob("[!.]*"):
            if link.name not in files:
                link.unlink()
        if old != data:
            shutil.rmtree(old)

    def _show(self, name: str) -> None:
        link = self._mount / name
        if not link.is_symlink():
            link.symlink_to(f"..data/{name}")

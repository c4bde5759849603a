"""A planted bug: a small change of our own source that breaks a rule, and why that is dangerous."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGE = Path("operator", "tidegate")


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` stands exactly once in `file`; `new` takes its place.

    A Python file stands below the package, any other below the root. `tests` are those that should know, where they do
    not bear the file's name.
    """

    name: str
    file: str
    old: str
    new: str
    why: str
    tests: str = ""

    @property
    def path(self) -> Path:
        """Where the file is in the tree."""
        return PACKAGE / self.file if self.file.endswith(".py") else Path(self.file)

    @property
    def folder(self) -> str:
        """The tests of the package that the file is in; empty when it is in none."""
        return f"tests/{Path(self.file).parent}" if self.file.endswith(".py") else ""

    @property
    def closest(self) -> str:
        """The tests that should know."""
        return self.tests or f"{self.folder}/test_{Path(self.file).name}"

    def check(self, root: Path = ROOT) -> None:
        """Raise ValueError when the bug cannot be planted: the source has changed, so must the mutant."""
        self.planted(root)

    def planted(self, root: Path = ROOT) -> str:
        """Give the file with the bug in it.

        Raises:
            ValueError: it cannot be planted.
        """
        text = (root / self.path).read_text(encoding="utf-8")
        count = text.count(self.old)
        if count != 1:
            raise ValueError(
                f'mutant "{self.name}": found its text {count} times in {self.path}, expected once: '
                "write the mutant anew for what the source says now, or the rule it broke has lost its place"
            )
        return text.replace(self.old, self.new)

    def plant(self, root: Path) -> str:
        """Change the file below a copy of the tree; gives what it was."""
        path = root / self.path
        before, planted = path.read_text(encoding="utf-8"), self.planted(root)
        path.write_text(planted, encoding="utf-8")
        return before

    def undo(self, root: Path, before: str) -> None:
        """Change the file back."""
        (root / self.path).write_text(before, encoding="utf-8")

"""`python -m tidegate.codegen`: write the generated files; `--check` compares them and exits with 1 on a difference."""

import argparse
import sys

from tidegate.codegen import DEPLOYMENT, deployment, differences, parts, render, write


def main(arguments: list[str]) -> int:
    """Run the command; give its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tidegate.codegen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    parser.add_argument("--helm", metavar="PROGRAM", help=f"render {DEPLOYMENT} from the chart as well")
    options = parser.parse_args(arguments)
    stale = _settle(parts(), options.check)
    if options.helm:
        stale += _settle({DEPLOYMENT: deployment(options.helm)}, options.check)
    stale += [path for path in _settle(render(), options.check) if path not in stale]
    for path in stale:
        sys.stdout.write(f"{path}: {'differs from its source, run make generate' if options.check else 'written'}\n")
    return int(options.check and bool(stale))


def _settle(files: dict[str, str], only_check: bool) -> list[str]:  # noqa: FBT001 - the option as it was given
    stale = differences(files)
    if not only_check:
        write(files)
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The ``tinyml`` command, also as ``python -m tinyml``; hears signals from the very start."""

from tinyml.base.interrupts import Interrupts


def main() -> None:
    """Runs the command line."""
    Interrupts().end_at_once()
    from tinyml.cli import main as run

    run()


if __name__ == "__main__":
    main()

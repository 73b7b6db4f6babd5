"""What the platform's own commands have in common: a help that teaches, as it is written."""

from argparse import RawDescriptionHelpFormatter
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandParser


class TeachingCommand(BaseCommand):
    """A command whose `help` and `epilog` are shown line by line. It starts without Django's checks."""

    requires_system_checks = ()
    epilog: ClassVar[str] = ""
    """What stands below the options: examples, mostly."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, epilog=self.epilog, **kwargs
        )

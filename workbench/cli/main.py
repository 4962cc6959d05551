"""`workbench`: open a lab, serve a notebook, invoke a service, look what could be wrong."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from workbench import __version__
from workbench.core.errors import WorkbenchError

Command = Callable[[argparse.Namespace], Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it worked, 1 with one sentence when it did not, 2 for a wrong use."""
    args = _read(_parser(), arguments)
    try:
        answer = args.run(args)
    except (WorkbenchError, OSError) as exc:
        if args.json:
            print(json.dumps({"error": str(exc)}))
        else:
            print(f"workbench: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if isinstance(answer, int):
        return answer
    if answer is not None:
        print(json.dumps(answer, indent=None, default=str) if args.json else _said(answer))
    return 0


def _said(answer: Any) -> str:
    return answer.rstrip("\n") if isinstance(answer, str) else json.dumps(answer, indent=2, default=str)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 0 to 65535")
    return int(text)


def _read(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments as read; only `lab` takes words that are not its own, for JupyterLab."""
    args, others = parser.parse_known_args(arguments)
    if others and not getattr(args, "passes_on", False):
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    args.others = [each for each in others if each != "--"]
    return args


def _parser() -> argparse.ArgumentParser:
    from workbench.cli import doctor, remote, serve

    parser = argparse.ArgumentParser(prog="workbench", description="An integration workbench for notebooks.")
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    parser.add_argument("--version", action="version", version=f"workbench {__version__}, {python}")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print JSON")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Command, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help, parents=[shared])
        sub.set_defaults(run=run)
        return sub

    lab = command("lab", serve.lab, "Open JupyterLab, with the Workbench kernel, in this folder.")
    lab.set_defaults(passes_on=True)
    lab.epilog = "Anything else is passed on to JupyterLab."

    served = command("serve", serve.serve, "Run a notebook or module without a notebook, and keep serving.")
    served.add_argument("file", help="notebook (.ipynb) or module (.py)")
    served.add_argument("--port", type=_port, default=None, help="port; 0 takes any (default: 11223 if free)")
    served.add_argument("--host", action="append", default=[], help="further host name to answer for")
    served.add_argument("--allow-outside", action="store_true", help="let a notebook from elsewhere call the outside")
    served.add_argument("--drain", type=float, default=10.0, help="longest wait for calls in flight at SIGTERM [s]")

    invoked = command("invoke", remote.invoke, "Invoke a service in a workbench that runs on this machine.")
    invoked.add_argument("service")
    invoked.add_argument("--payload", default="", help="JSON, or any text; - reads standard input")
    invoked.add_argument("--app", default="", help="which workbench, by notebook; needed when several run")

    jobs = command("jobs", remote.jobs, "List the jobs of a running workbench, or execute one now.")
    jobs.add_argument("action", choices=("list", "execute"))
    jobs.add_argument("name", nargs="?", default="", help="the job to execute")
    jobs.add_argument("--extra", default=None, help="text seen as self.request.raw_request instead of the job's own")
    jobs.add_argument("--app", default="", help="which workbench, by notebook; needed when several run")

    command("status", remote.status, "List the workbenches that run on this machine.")
    command("doctor", doctor.doctor, "Look what could keep the workbench from working here.")
    return parser


if __name__ == "__main__":
    sys.exit(main())

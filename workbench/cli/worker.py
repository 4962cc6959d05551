"""One worker process of `workbench serve --workers`: started by the supervisor, whose socket it is given."""

from __future__ import annotations

import sys

from workbench.app.serving.crew.line import Line
from workbench.cli.serve import Serving, serve
from workbench.core.errors import WorkbenchError

FAILED, INTERRUPTED = 1, 130


def main() -> int:
    """Serve until the supervisor says to end; the exit status."""
    try:
        line = Line(int(sys.argv[1]))
        serve(line.begin.file, Serving(**line.begin.how), line)
    except (WorkbenchError, OSError) as exc:
        print(f"workbench: {exc}", file=sys.stderr, flush=True)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())

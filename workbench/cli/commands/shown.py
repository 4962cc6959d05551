"""The examples that the --help of each command shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "lab": ("workbench lab", "workbench lab --no-browser --port 8890"),
    "serve": (
        "workbench serve shop.ipynb",
        "workbench serve shop.ipynb --port 11223 --profile production --log-format json",
        "workbench serve shop.ipynb --workers 4",
        "workbench serve services",
    ),
    "quickstart": (
        "workbench quickstart shop",
        "workbench quickstart shop --folder services",
        "workbench quickstart create ~/env/qs-1 sqlite localhost 6379 --servers 1",
    ),
    "test": ("workbench test shop.ipynb", "workbench test notebooks -k refunds -- -vv --durations=5"),
    "lint": ("workbench lint notebooks", "workbench lint shop.ipynb --json"),
    "invoke": (
        'workbench invoke api.hello --payload \'{"name": "Ada"}\'',
        "workbench invoke api.import --payload - --app shop.ipynb < orders.json",
    ),
    "call": (
        "workbench call 'GET /api/sample?x=1'",
        "workbench call 'POST /api/orders' --data '{\"id\": 1}' --user my.user",
        "workbench call 'PUT /api/file' --data - -H 'Content-Type: text/csv' < file.csv",
    ),
    "services": ("workbench services", "workbench services --app shop.ipynb --json"),
    "channels": ("workbench channels", "workbench channels --json"),
    "connections": (
        "workbench connections",
        "workbench connections ping 'My SMTP'",
        "workbench connections ping --all --app shop.ipynb",
    ),
    "users": ("workbench users", "workbench users --json"),
    "limits": ("workbench limits", "workbench limits --app shop.ipynb --json"),
    "jobs": (
        "workbench jobs list",
        "workbench jobs preview nightly --last 5",
        "workbench jobs pause nightly --until '2035-01-01 06:00'",
        "workbench jobs import-crontab crontab --service api.run --timezone Europe/Warsaw",
    ),
    "cache": (
        "workbench cache list",
        "workbench cache set EUR '{\"rate\": 1.5}' --cache rates --expiry 60",
        "workbench cache get EUR --cache rates",
    ),
    "traffic": ("workbench traffic --last 5", "workbench traffic 4ebf6b59a265434b0017a861"),
    "log": ("workbench log -f", "workbench log --last 200 --json"),
    "status": ("workbench status", "workbench status --json"),
    "openapi": ("workbench openapi shop.ipynb -o shop.json", "workbench openapi http://127.0.0.1:11223 --examples"),
    "panel": ("workbench panel", "workbench panel shop.ipynb"),
    "validate": ("workbench validate definitions.yaml", "workbench validate definitions.yaml --app shop.ipynb"),
    "diff": ("workbench diff definitions.yaml", "workbench diff definitions.yaml --json"),
    "apply": (
        "workbench apply definitions.yaml",
        "workbench apply definitions.yaml --prune --app shop.ipynb",
        "workbench apply definitions.yaml --notebook shop.ipynb",
    ),
    "define": (
        "workbench define",
        "workbench define IntervalJob",
        "workbench define IntervalJob nightly service=api.sync hours=24 timezone=Europe/Warsaw",
    ),
    "export": (
        "workbench export",
        "workbench export definitions.yaml --app shop.ipynb",
        "workbench export enmasse.yaml --format enmasse",
    ),
    "import-zato": (
        "workbench import-zato services",
        "workbench import-zato services --report report.html",
        "workbench import-zato services --app shop.ipynb",
    ),
    "examples": ("workbench examples", "workbench examples my-project --repo"),
    "share": (
        "workbench share nb.ipynb --to prices.zip --with data.csv",
        "workbench share nb.ipynb --remove 1 --name 2=PARTNER_TOKEN --none 3",
    ),
    "open": ("workbench open prices.zip", "workbench open https://example.com/prices.zip --to here --test --yes"),
    "git": ("workbench git install",),
    "kernel": (
        "workbench kernel install",
        "workbench kernel install --name wb312 --display-name 'Workbench (3.12)'",
        "workbench kernel remove --name wb312",
    ),
    "doctor": ("workbench doctor", "workbench doctor --json"),
    "version": ("workbench version", "workbench version --json"),
}


def show_examples(commands: Iterable[Any]) -> None:
    """Have the --help of each command end in its examples, each in a paragraph of its own."""
    for each in commands:
        name = each.name or each.callback.__name__.replace("_", "-")
        if name in EXAMPLES:
            each.epilog = "\n\n".join([*([each.epilog] if each.epilog else []), "Examples:", *EXAMPLES[name]])

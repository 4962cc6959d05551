"""A notebook as git keeps it: what a person wrote, in one form, without what each run and each front end adds.

Outputs do not stay: a filter sees text alone and cannot tell what the next run shows again, and what a guess keeps by
mistake is a difference in each commit, or a customer's data in a history that nobody can mend. What a notebook shows is
held by its assertions and `%%test` cells. An output that is worth keeping has a cell tagged `keep_output`, the word of
nbstripout.
"""

from __future__ import annotations

import json
from typing import Any

from workbench.core.errors import WorkbenchError

KEEP = "keep_output"
OF_RUNS = frozenset(("execution", "ExecuteTime", "collapsed", "scrolled", "trusted", "vscode", "heading_collapsed"))
"""Metadata of cells that a front end writes as it runs and shows them."""
OF_FRONT_ENDS = frozenset(("widgets", "signature", "vscode", "toc", "varInspector"))
"""Metadata of notebooks that front ends write: the state of widgets is nothing without their kernel."""


class NotCleanable(WorkbenchError):
    """A text that is no notebook of nbformat 4."""


def cleaned(contents: bytes) -> bytes:
    """The notebook as git keeps it; cleaning it again changes nothing.

    Cells keep their ids, tags and texts, a line of text a line of the file; keys are sorted, so that two people who
    change two cells are merged.

    Raises:
        NotCleanable: It is none, as one with the marks of a conflict in it.
    """
    try:
        notebook = json.loads(contents)
    except (ValueError, RecursionError) as exc:
        raise NotCleanable(f"It is no notebook: {exc}. Fix: solve its conflicts as text, or mend its JSON.") from exc
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4 or not isinstance(notebook.get("cells"), list):
        raise NotCleanable("It is no notebook of nbformat 4. Fix: jupyter nbconvert --to notebook --inplace FILE")
    if not all(map(_has_shape, (notebook, *notebook["cells"]))):
        raise NotCleanable("Its cells or metadata are not those of a notebook. Fix: mend its JSON as text.")
    metadata = notebook.get("metadata") or {}
    keeps_all = bool(metadata.get(KEEP))
    notebook["metadata"] = {key: value for key, value in metadata.items() if key not in OF_FRONT_ENDS}
    if isinstance(language := notebook["metadata"].get("language_info"), dict):
        # The version of whoever saved it last.
        notebook["metadata"]["language_info"] = {key: value for key, value in language.items() if key != "version"}
    notebook["cells"] = [_cell(each, keeps_all) for each in notebook["cells"]]
    return written(notebook)


def _has_shape(part: Any) -> bool:
    """Whether a notebook or cell has what is looked into here as nbformat has it, or leaves it out."""
    if not isinstance(part, dict) or not isinstance(metadata := part.get("metadata") or {}, dict):
        return False
    return isinstance(metadata.get("tags") or [], list) and isinstance(part.get("outputs") or [], list)


def written(notebook: dict[str, Any]) -> bytes:
    """A notebook as a file, as Jupyter writes it: sorted, one space deep, UTF-8, a line feed at its end."""
    try:
        return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        # Half of a surrogate pair has no bytes, but JSON has an escape for it.
        return json.dumps(notebook, indent=1, sort_keys=True).encode() + b"\n"


def _cell(cell: dict[str, Any], keeps_all: bool) -> dict[str, Any]:
    metadata = {key: value for key, value in (cell.get("metadata") or {}).items() if key not in OF_RUNS}
    if isinstance(folded := metadata.pop("jupyter", None), dict):
        kept = {key: value for key, value in folded.items() if key != "outputs_hidden"}
        metadata |= {"jupyter": kept} if kept else {}
    made = cell | {"metadata": metadata, "source": _lines(cell.get("source", ""))}
    if cell.get("cell_type") != "code":
        return made
    keeps = keeps_all or KEEP in (metadata.get("tags") or ())
    outputs = [_output(each) for each in cell.get("outputs") or ()] if keeps else []
    return made | {"execution_count": None, "outputs": outputs}


def _lines(source: Any) -> Any:
    """Text as a list of its lines, at line feeds alone, as Jupyter has it."""
    text = "".join(source) if isinstance(source, list) and all(isinstance(each, str) for each in source) else source
    if not isinstance(text, str):
        return source
    *lines, last = text.split("\n")
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def _output(output: Any) -> Any:
    return output | {"execution_count": None} if isinstance(output, dict) and "execution_count" in output else output

"""XML from elsewhere: read without entities, document types or the network, and as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.core.errors import BadRequest, MissingDependency

if TYPE_CHECKING:
    from lxml.etree import _Element

DEEPEST = 100
"""Elements below one another, beyond which XML is refused: far more than documents have, and less than Python's
recursion bears."""


def etree_for(kind: str) -> Any:
    """lxml's etree.

    Raises:
        MissingDependency: It is not installed; `kind` is what needs it.
    """
    try:
        from lxml import etree
    except ImportError as exc:
        raise MissingDependency(kind, "lxml", "soap") from exc
    return etree


def element_of(body: bytes, kind: str) -> _Element:
    """The root of a document.

    Raises:
        BadRequest: It is no XML, or has a document type.
        MissingDependency: lxml is not installed.
    """
    etree = etree_for(kind)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root: _Element = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise BadRequest(f"Invalid XML: {exc}") from None
    if str(root.getroottree().docinfo.doctype):  # type: ignore[attr-defined]
        raise BadRequest("XML may hold no document type")
    return root


def as_dict(root: _Element) -> dict[str, Any]:
    """A document as `{"order": {"@id": "7", "line": ["a", "b"]}}`: local names, attributes with @.


    Repeated elements are a list. One with attributes and text has its text as `#text`; one without either is "".

    Raises:
        BadRequest: It is over `DEEPEST` elements deep.
    """
    return {_local(root.tag): _value(root, 1)}


def _local(tag: Any) -> str:
    return str(tag).rpartition("}")[2]


def _value(element: _Element, depth: int) -> Any:
    if depth > DEEPEST:
        raise BadRequest(f"The XML is over {DEEPEST} elements deep")
    found: dict[str, Any] = {f"@{_local(name)}": value for name, value in element.attrib.items()}
    several: set[str] = set()
    for child in element:
        if not isinstance(child.tag, str):
            continue
        name, value = _local(child.tag), _value(child, depth + 1)
        if name not in found:
            found[name] = value
        elif name in several:
            found[name].append(value)
        else:
            found[name], several = [found[name], value], {*several, name}
    text = "".join([element.text or "", *(child.tail or "" for child in element)]).strip()
    if not found:
        return text
    return found | ({"#text": text} if text else {})

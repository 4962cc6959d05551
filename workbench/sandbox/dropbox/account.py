"""The rest of Dropbox's API that a client meets: who it is, how much room there is, and links to what is kept."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from workbench.sandbox.dropbox.files import Arg
from workbench.sandbox.dropbox.tree import DropboxTree, Node, Refused, tagged

ROOT_NAMESPACE = "1234567890"
ACCOUNT_ID = "dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc"
NAME = {
    "given_name": "Sandbox",
    "surname": "Account",
    "familiar_name": "Sandbox",
    "display_name": "Sandbox Account",
    "abbreviated_name": "SA",
}
BASIC = {
    "account_id": ACCOUNT_ID,
    "name": NAME,
    "email": "sandbox@example.com",
    "email_verified": True,
    "disabled": False,
}
LINKED = (".tag", "id", "name", "path_lower", "client_modified", "server_modified", "rev", "size")
PERMISSIONS = {
    "can_revoke": True,
    "resolved_visibility": tagged("public"),
    "visibility_policies": [],
    "can_set_expiry": False,
    "can_remove_expiry": False,
    "allow_download": True,
    "can_allow_download": True,
    "can_disallow_download": False,
    "allow_comments": True,
    "team_restricts_comments": False,
}


class AccountRoutes:
    """Routes by name, each a function of the argument.

    Args:
        tree: What is kept.
        allocated: Gives the space there is in all [bytes].
        url: Gives the address under which links are made.
    """

    def __init__(self, tree: DropboxTree, allocated: Callable[[], int], url: Callable[[], str]) -> None:
        self.tree, self._allocated, self._url = tree, allocated, url
        self.temporary: dict[str, Node] = {}
        self.shared: dict[str, str] = {}
        self.rpc: dict[str, Callable[[Arg], Any]] = {
            "check/user": lambda arg: {"result": arg.get("query", "")},
            "check/app": lambda arg: {"result": arg.get("query", "")},
            "users/get_current_account": lambda arg: self.account(),
            "users/get_account": self.other_account,
            "users/get_space_usage": lambda arg: self.space(),
            "files/get_temporary_link": self.temporary_link,
            "sharing/create_shared_link_with_settings": self.share,
            "sharing/list_shared_links": self.list_shared,
            "sharing/get_shared_link_metadata": lambda arg: self.link(self._of_url(arg["url"])),
            "sharing/revoke_shared_link": self.revoke,
        }

    def account(self) -> Arg:
        """The one account there is."""
        root = {".tag": "user", "root_namespace_id": ROOT_NAMESPACE, "home_namespace_id": ROOT_NAMESPACE}
        more = {"country": "PL", "locale": "en", "referral_link": "https://db.example.com/r", "is_paired": False}
        return {**BASIC, **more, "account_type": tagged("basic"), "root_info": root}

    def other_account(self, arg: Arg) -> Arg:
        """An account by its id."""
        if arg["account_id"] != ACCOUNT_ID:
            raise Refused(tagged("no_account"))
        return {**BASIC, "is_teammate": False}

    def space(self) -> Arg:
        """What is used, and what there is."""
        return {"used": self.tree.used, "allocation": tagged("individual", allocated=self._allocated())}

    def temporary_link(self, arg: Arg) -> Arg:
        """An address that needs no token."""
        node = self._node(arg["path"], "file")
        key = secrets.token_urlsafe(12)
        self.temporary[key] = node
        told = node.as_json()
        del told[".tag"]
        return {"metadata": told, "link": f"{self._url()}/link/{key}"}

    def _node(self, path: str, kind: str = "") -> Node:
        try:
            return self.tree.get(path, kind)
        except Refused as exc:
            raise Refused(tagged("path", exc.error)) from exc

    def share(self, arg: Arg) -> Arg:
        """A link for others."""
        node = self._node(arg["path"])
        if node.id in self.shared.values():
            raise Refused(tagged("shared_link_already_exists", tagged("metadata", self.link(node))))
        self.shared[secrets.token_urlsafe(9)] = node.id
        return self.link(node)

    def link(self, node: Node) -> Arg:
        """A shared link as the API tells it."""
        key = next(key for key, id_ in self.shared.items() if id_ == node.id)
        told = node.as_json()
        kept: Arg = {field: told[field] for field in LINKED if field in told}
        return {**kept, "url": f"{self._url()}/s/{key}?dl=0", "link_permissions": PERMISSIONS}

    def list_shared(self, arg: Arg) -> Arg:
        """The links there are, of one path or of all."""
        wanted = self._node(arg["path"]).id if arg.get("path") else ""
        nodes = [self.tree.find(id_) for id_ in self.shared.values() if not wanted or id_ == wanted]
        return {"links": [self.link(node) for node in nodes if node is not None], "has_more": False}

    def _of_url(self, url: str) -> Node:
        node = self.shared_node(url.rpartition("/s/")[2].partition("?")[0])
        if node is None:
            raise Refused(tagged("shared_link_not_found"))
        return node

    def shared_node(self, key: str) -> Node | None:
        """What a shared link leads to; None if nothing."""
        id_ = self.shared.get(key)
        return self.tree.find(id_) if id_ is not None else None

    def shared_file(self, arg: Arg) -> Node:
        """The file behind a shared link."""
        node = self._of_url(arg["url"])
        if node.blob is None:
            raise Refused(tagged("shared_link_is_directory"))
        return node

    def revoke(self, arg: Arg) -> None:
        """Take a link back."""
        self._of_url(arg["url"])
        del self.shared[arg["url"].rpartition("/s/")[2].partition("?")[0]]

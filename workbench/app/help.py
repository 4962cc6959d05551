"""`wb.help()`: short pages for who sits before a notebook, with the lines of code to begin with."""

from __future__ import annotations

from inspect import cleandoc

from workbench.core.errors import UnknownName

PAGES = {
    "services": """
        A service is a class with a name and `handle`. Run its cell, and it is live; run it again, and the next call
        gets the new version.

            class Hello(Service):
                name = "api.hello"

                def handle(self):
                    return f"Hello {self.request.payload}"

            wb.invoke("api.hello", "you")

        A new version is run on the last recorded calls first, and what it answers otherwise is said; with
        `new_version = "gate"` on the class it waits for `wb.services["api.hello"].take()` or `.keep()`.
        `wb.services["api.hello"].versions` are kept; `.rollback()` and `.make_live(1)` bring one back.
        """,
    "channels": """
        A channel is a way in: REST, SOAP or JSON-RPC.

            wb.define(RESTChannel("api.order", path="/api/orders/{id}", method="GET"))
            wb.call("GET /api/orders/7")

        In the service: `self.request.http.params["id"]`, `self.request.payload`, `self.request.files`. Who may call:
        `wb.define(BasicAuth("my.user", password=secret("MY_PASSWORD")))`, then `security="my.user"` on the channel.
        """,
    "limits": """
        Limits count calls, from the narrowest object to the widest: channel, user, service.

            RESTChannel("api.order", limit="100/m")
            wb.define(Limit("api.order", on="service", lines="* = 100/m"))

        `wb.limits` shows what is used; `wb.limits.reset()` counts anew. A refused caller gets 429 with Retry-After.
        """,
    "jobs": """
        A job runs a service by itself, while this kernel or `workbench serve` lives.

            wb.define(IntervalJob("hourly", service="api.hello", hours=1, timezone="Europe/Warsaw"))
            wb.define(CronJob("mornings", service="api.hello", cron="0 9 * * 1-5", timezone="Europe/Warsaw"))
            wb.jobs["hourly"].execute()

        `wb.jobs["hourly"].runs` says how each planned time went, `wb.jobs.calendar()` what comes. Or press *Schedule*
        under the cell. The coming week, run at once on a copy of everything:

            with wb.clock.travel(days=7) as trip:
                display(trip, trip.calendar())
        """,
    "connections": """
        A connection is a way out: REST, SOAP, SMTP, IMAP, SMS, FTP, SFTP, Dropbox, S3, SQL, ZeroMQ, a folder; Redis is
        always there.

            wb.define(RESTConnection("Rates", host="https://data.example.com"))

            self.out.rest["Rates"].conn.get(self.cid).data
            self.kvdb.conn.set("key", "value")

        `wb.connections["Rates"].ping()` tries one; `wb.transfer("My FTP:in", "My Dropbox:out")` moves files.
        """,
    "caches": """
        A cache keeps values in this process, by key: the least recently used goes first, and each as it expires.

            self.cache.default.set("rates", rates, expiry=60)
            self.cache.default.get("rates")
            wb.define(Cache("my.cache", max_size=500))
            self.cache.get_cache("builtin", "my.cache").get_by_prefix("user.")

        `wb.caches["my.cache"].entries()` says what is in it. With `store="sqlite:///.workbench/caches.db"` it outlives
        the kernel, with `store="redis://host:6379/0"` processes of other machines have it, too.
        """,
    "secrets": """
        A definition names a secret, `password=secret("FTP_PASSWORD")`. Its value is in the environment, or in a file
        `.env` in the notebook's folder, a line `FTP_PASSWORD=...`. A corrected one is taken at the next call. Values
        are `***` in all that the workbench shows, logs or keeps.
        """,
    "sandbox": """
        `wb.sandbox()` has peers stand in for every connection: they speak the real protocols, in this kernel.

            wb.peers["Rates"].reply("/rates", json={"EUR": 1.08})
            wb.peers["My SMTP"].messages

        `wb.sandbox(False)` goes to the real addresses. `workbench serve --no-sandbox` does so whatever the file says.
        """,
    "calls": """
        Every call has a CID, which its caller is told in the header X-Zato-CID.

            wb.traffic[-1]            # what the last call did, as a tree
            wb.traffic["<CID>"]       # that of one caller
            wb.log["<CID>"]           # what it logged and printed, with tracebacks

        From a terminal: `workbench traffic CID`, `workbench log -f`.
        """,
    "settings": """
        `wb.settings` shows each setting, its value and where that came from. Set one in the environment, or in `.env`
        in the notebook's folder, before the kernel starts: `WORKBENCH_PORT=11500`. Your time zone is kept for you:
        `wb.settings.timezone = "Europe/Warsaw"`.
        """,
    "command line": """
            workbench lab                      JupyterLab with the Workbench kernel
            workbench serve notebook.ipynb     the same services without a notebook
            workbench invoke api.hello         call a service of any workbench that runs here
            workbench jobs list                and: jobs show|preview|runs|execute|pause|... NAME
            workbench status                   what runs where
            workbench traffic [CID]            what calls did
            workbench log -f                   what services log, as they do
            workbench examples                 the notebooks that explain all this
            workbench doctor                   what could be wrong here
        """,
    "restart": """
        A restarted kernel forgets what its cells made: services, channels, connections, users, limits. Run them again.
        Jobs, their runs and pauses are in the store, and wait until the cell of their service has run. Redis and the
        folder `.workbench` stay; `wb.traffic`, `wb.log` and counts of limits begin anew. `wb.restart()` does the same
        within the kernel: configuration and startup callables are read again, and what cells made comes back by itself.
        """,
    "zato": """
        Services written for Zato run with their own imports, and enmasse files are read as they are: a folder of both
        is live in one line.

            done = wb.load("services")

        It says what is live, what is not and why, what is missing with what to write instead, and what differs;
        `done.differs.all` has all that differs. A save of one of its files goes live by itself, and `wb.log` says so;
        `wb.following` has the folders, and `.stop("services")` ends that.

        In a terminal, `workbench import-zato services` tries a folder apart from all else, `--report report.html`
        writes the same as a page, and CI reads the status.
        """,
}
FIRST = """
    You write services in cells; `wb` is all of them. Type `wb` to see everything, `wb.` and Tab for the rest.

        from workbench import wb, Service, RESTChannel

        wb.services   wb.channels   wb.connections   wb.users   wb.jobs   wb.limits     what there is
        wb.invoke("api.hello")      wb.call("GET /api/hello")                           call a service
        wb.traffic[-1]              wb.log                                              what calls did
        wb.sandbox()                wb.peers                                            peers for the outside
        wb.settings                                                                     settings

    `wb.help("jobs")` tells more of one topic:
    """


class Page:
    """One page: text as it is written, which notebooks show as Markdown."""

    def __init__(self, title: str, text: str) -> None:
        self.title, self.text = title, text

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return f"**{self.title}**\n\n{self.text}"


def page(topic: str = "") -> Page:
    """The page of a topic, or the first one, which lists the topics; raises UnknownName."""
    if not topic:
        return Page("workbench", f"{cleandoc(FIRST)} {', '.join(PAGES)}.")
    if topic not in PAGES:
        raise UnknownName("topic", topic, PAGES)
    return Page(topic, cleandoc(PAGES[topic]))

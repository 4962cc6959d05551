"""Work that outlives a process: who may do a piece of it, and who still lives to do it.

Jobs need this, and so will messages; it knows neither. It stands above the stores, below every room that has work to
keep, and speaks to the store through its seven verbs alone, so that each backend serves it without a line of its own.

Here now: `leases`, a claim on a name for a bounded time; `presence`, which processes live. The parts of the scheduler
that claim a piece of work, perform it, settle it and try it again belong here too, and come when a second room needs
them.

Words:
    owner   who does a piece of work: a process, by the name that its presence has.
    claim   to become the owner of something, which one alone does.
    lease   a claim that ends by itself unless its owner renews it.
    lapsed  said of a lease whose time is over; another may claim it, and until then its owner may still renew it.
    number  fences a lease: it grows with each new owner, so that whoever comes late is told from who came after.
    alive   said of a process that still runs. Only its owner's death makes unfinished work free, never a slow answer.
"""

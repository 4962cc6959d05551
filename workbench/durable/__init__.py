"""Work that outlives a process: who may do a piece of it, and who still lives to do it.

Jobs need this, and so will messages; it knows neither. It stands above the stores, below every room that has work to
keep, and speaks to the store through its ten verbs alone, so that each backend serves it without a line of its own.

`attempts` has pieces of work done, each by one owner at a time, and again if an attempt came to nothing; `leases` is a
claim on a name for a bounded time; `presence` says which processes live. What to do, when, on which thread and how
often to try again is the business of the room that has the work.

Words:
    owner   who does a piece of work: a process, by the name that its presence has.
    unit    a piece of work, named by a key.
    attempt one try at a unit, with a row of its own.
    claim   to become the owner of something, which one alone does.
    settle  to write how an attempt ended.
    lease   a claim that ends by itself unless its owner renews it.
    lapsed  said of a lease whose time is over; another may claim it, and until then its owner may still renew it.
    number  fences a lease: it grows with each new owner, so that whoever comes late is told from who came after.
    alive   said of a process that still runs. Only its owner's death makes unfinished work free, never a slow answer.
"""

"""Ways in: channels that bind an address to a service, and the server behind them.

Every kind has a definition (`definition`, `rest`, `soap`, `json_rpc`), which makes a live channel (`live`): that one
opens, closes and says its state. Whatever a channel speaks, it asks its `gate` whether a caller may come in, makes the
call with the invoker, and runs it within its time (`turns`).

All HTTP kinds share one server and one `pipeline`: `http/wire` makes an `exchange` of a request, `guard` keeps web
pages out, `routes` finds the `endpoint`, the gate lets the caller in, and the service runs. A `dialect` reads and
writes bodies that are more than plain input. Only the folder `http` knows Tornado, so that another wire can take its
place without a line changing here.
"""

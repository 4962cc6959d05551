"""Ways in: channels that bind an address to a service, and the server behind them.

Only the files `http_*` know Tornado. `pipeline` takes a request and a way to answer it, so that another wire can take
the place of `http_wire` without a line changing here.
"""

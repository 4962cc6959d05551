"""Ways of views to the kernel and back: a comm that the front end opens, the page over HTTP, another workbench."""

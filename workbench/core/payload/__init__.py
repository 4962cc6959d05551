"""What goes into a service and what comes out, and what a service declares of both."""

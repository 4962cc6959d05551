"""What the workbench adds to the scheduler: runs of services, alerts, and trips in time."""

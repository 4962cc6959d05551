"""What runs while a workbench starts: configuration that callables may change, and the callables themselves."""

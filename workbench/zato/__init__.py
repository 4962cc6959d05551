"""Zato's module names, so that services written for Zato run with their own imports.

`from zato.server.service import Service` gives the workbench's own Service. Only what services import is here; the
names behave as the workbench's do.
"""

"""The HTTP channels of a workbench in OpenAPI 3.1."""

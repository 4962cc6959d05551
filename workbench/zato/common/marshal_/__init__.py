"""Zato's `zato.common.marshal_`."""

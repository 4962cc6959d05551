"""What keeps files: the protocol of the kinds, and the live object that services use."""

"""The SOAP peer: a service with a WSDL of its own, or with one that is given, which answers what it was told to."""

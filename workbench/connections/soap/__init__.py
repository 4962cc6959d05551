"""SOAP: calls of web services that a WSDL describes, by zeep."""

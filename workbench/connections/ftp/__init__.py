"""FTP and FTPS: files on servers that speak FTP, old ones too."""

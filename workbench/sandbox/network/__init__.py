"""The network of all peers: their ports and connections, and the loop on which they live."""

"""ZeroMQ: messages pushed, published or asked, by pyzmq."""

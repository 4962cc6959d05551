"""From a cell or a file to what is live: drafts, what loads into them, and what commits them."""

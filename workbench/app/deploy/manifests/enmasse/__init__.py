"""Files of Zato's enmasse, of 3.1, 3.2 and 4: the same definitions under Zato's names."""

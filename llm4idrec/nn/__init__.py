"""What language model and recommenders share: losses over items, the catalogue as a trie."""

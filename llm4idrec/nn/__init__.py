"""What language model and recommenders share: losses, the catalogue as a trie, factorisation."""

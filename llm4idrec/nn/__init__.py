"""Of both language model and recommenders: losses, trie, factorisation, mean of the weights."""

"""The user's own recommender, what it is given and hands in; scores of rankings made elsewhere."""

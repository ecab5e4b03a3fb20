"""What the verdict says to serve, learnt from everything, for everybody"""

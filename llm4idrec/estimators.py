"""The recommenders as scikit-learn's estimators are, for data frames.

Keyword arguments are the settings that `params.yaml` has for each; `help(IALS)` lists them.

>>> from llm4idrec.api.examples import shop
>>> model = EASE(l2=50.0).fit(shop(), user="customer", item="article")
>>> model
EASE(l2=50.0)
>>> model.recommend(["c7", "c3"], k=2).column_names
['customer', 'article', 'rank']
"""

from llm4idrec.api.estimator import Estimator, estimator

__all__ = [
    "CID",
    "EASE",
    "IALS",
    "LM",
    "MF",
    "NCL",
    "P5",
    "SVD",
    "BERT4Rec",
    "CL4SRec",
    "Estimator",
    "ItemKNN",
    "LightGCN",
    "Popularity",
    "SASRec",
    "SimGCL",
    "XSimGCL",
]

Popularity = estimator("popularity")
ItemKNN = estimator("itemknn")
EASE = estimator("ease")
SVD = estimator("svd")
IALS = estimator("ials")
MF = estimator("mf")
LightGCN = estimator("lightgcn")
SimGCL = estimator("simgcl")
XSimGCL = estimator("xsimgcl")
NCL = estimator("ncl")
SASRec = estimator("sasrec")
BERT4Rec = estimator("bert4rec")
CL4SRec = estimator("cl4srec")
LM = estimator("lm")
P5 = estimator("p5")
CID = estimator("cid")

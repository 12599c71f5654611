"""What looking rows of a table up costs: nothing, unless the rows are weighed."""

from __future__ import annotations

from math import prod

from convinspect.ops.arguments import NotGivenError, is_given, shape
from convinspect.ops.operators import Operator, declare, priced
from convinspect.records import Attributes, OpCall


def _table(call: OpCall) -> Attributes:
    rows, features = shape(call, "weight")
    return Attributes(num_embeddings=rows, embedding_dim=features)


declare("embedding", Operator(macs=0, attributes=_table))


@priced(
    "_embedding_bag _embedding_bag_forward_only=embedding_bag embedding_bag",
    Operator(by_products=True, attributes=_table),
)
def embedding_bag_macs(call: OpCall) -> int:
    """Price a bag of embeddings: with ``per_sample_weights`` one MAC per index and feature, else only sums.

    Indices equal to ``padding_idx`` are skipped, and how many they are stands in the values: then unknown.
    """
    if not is_given(call, "per_sample_weights"):
        return 0
    if call.args.get("padding_idx") not in (None, -1):
        raise NotGivenError(call.op)
    return prod(shape(call, "indices")) * shape(call, "weight")[-1]

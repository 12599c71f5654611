"""What products with sparse matrices cost: each stored element meets one row, or one column, of the dense one."""

from __future__ import annotations

from convinspect.ops.arguments import NotGivenError
from convinspect.ops.operators import priced
from convinspect.records import OpCall, SparseRecord, TensorRecord

# The two sides of each product, by the names of the schemas.
_SIDES = {
    "mm": ("self", "mat2"),
    "bmm": ("self", "mat2"),
    "mv": ("self", "vec"),
    "addmm": ("mat1", "mat2"),
    "_sparse_addmm": ("mat1", "mat2"),
}


@priced("_sparse_addmm=matmul")
def sparse_product_macs(call: OpCall) -> int:
    """Price ``a @ b`` where one side is sparse: its stored elements times the rows or columns of the other.

    a is ``(*batch, M, K)`` and b ``(*batch, K, N)`` or ``(K,)``. What two sparse sides cost depends on where their
    elements are. Source: torch.sparse.mm.
    """
    left, right = (call.args.get(name) for name in _SIDES.get(call.op.split(".")[1], ("", "")))
    if not (isinstance(left, TensorRecord) and isinstance(right, TensorRecord)):
        raise NotGivenError(call.op)
    sparse = [side for side in (left, right) if isinstance(side, SparseRecord)]
    if len(sparse) != 1 or sparse[0].stored is None:
        raise NotGivenError(call.op)
    others = left.shape[-2] if sparse[0] is right else right.shape[-1] if len(right.shape) > 1 else 1
    return sparse[0].stored * others

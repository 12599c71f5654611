"""Operators that re-arrange a tensor or copy it as it is, and operators that a reader never asked for."""

from __future__ import annotations

from convinspect.ops.registry import no_macs, qualified_name

_VIEWS = """
    _conj _fw_primal _indices _make_dual _mkldnn_reshape _mkldnn_transpose _neg_view _nested_get_values
    _nested_view_from_buffer _nested_view_from_jagged _reshape_alias _sparse_broadcast_to _unpack_dual
    _unsafe_view _values adjoint as_strided atleast_1d atleast_2d atleast_3d broadcast_tensors broadcast_to
    ccol_indices chunk col_indices conj crow_indices diagonal dsplit expand expand_as flatten hsplit imag
    indices linalg_diagonal mH mT matrix_H moveaxis movedim narrow numpy_T permute ravel real reshape reshape_as
    resolve_conj resolve_neg row_indices select slice slice_inverse split split_with_sizes squeeze swapaxes
    swapdims t tensor_split transpose unbind unflatten unfold unsafe_chunk unsafe_split unsafe_split_with_sizes
    unsqueeze values view view_as view_as_complex view_as_real vsplit
"""

_VIEW_COPIES = """
    _cast_Byte _cast_Char _cast_Double _cast_Float _cast_Half _cast_Int _cast_Long _cast_Short _conj_copy
    _conj_physical _fw_primal_copy _indices_copy _make_dual_copy _neg_view_copy _nested_get_values_copy
    _nested_view_from_buffer_copy _nested_view_from_jagged_copy _reshape_alias_copy _reshape_copy
    _sparse_broadcast_to_copy _values_copy as_strided_copy ccol_indices_copy chalf col_indices_copy
    crow_indices_copy diagonal_copy expand_copy indices_copy narrow_copy permute_copy row_indices_copy
    select_copy slice_copy split_copy split_with_sizes_copy squeeze_copy t_copy transpose_copy unbind_copy
    unfold_copy unsqueeze_copy values_copy view_as_complex_copy view_as_real_copy view_copy
"""

_COPIES = """
    _autocast_to_full_precision _autocast_to_reduced_precision _cast_Byte _cast_Char _cast_Double _cast_Float
    _cast_Half _cast_Int _cast_Long _cast_Short _copy_from _copy_from_and_resize _lazy_clone _pin_memory
    _to_copy _to_cpu _to_dense chalf clone contiguous copy cpu cuda pin_memory to to_dense to_mkldnn
    to_padded_tensor type_as
"""

_BOOKKEEPING = """
    _assert_async _assert_scalar _assert_tensor_metadata _coalesced _cudnn_init_dropout_state
    _cudnn_rnn_flatten_weight _debug_has_internal_overlap _dimI _dimV _functional_assert_async
    _functional_assert_scalar _functional_sym_constrain_range _functional_sym_constrain_range_for_size
    _fused_sdp_choice _has_compatible_shallow_copy_type _has_same_storage_numel _is_zerotensor
    _linalg_check_errors _local_scalar_dense _make_dep_token _nested_get_jagged_dummy _nested_get_lengths
    _nested_get_max_seqlen _nested_get_min_seqlen _nested_get_offsets _nested_get_ragged_idx _nested_tensor_size
    _nested_tensor_storage_offsets _nested_tensor_strides _nnpack_available _nnz _print _resize_output
    _shape_as_tensor _use_cudnn_ctc_loss _use_cudnn_rnn_flatten_weight _use_miopen_ctc_loss
    _validate_compressed_sparse_indices _validate_sparse_coo_tensor_args _version alias alias_copy can_cast
    cudnn_is_acceptable data dense_dim detach detach_copy dim equal get_device is_coalesced is_complex is_conj
    is_contiguous is_distributed is_floating_point is_inference is_leaf is_neg is_non_overlapping_and_dense
    is_nonzero is_pinned is_same_size is_set_to is_signed is_strides_like_format is_vulkan_available item lift
    lift_fresh lift_fresh_copy numel output_nr positive promote_types q_per_channel_axis q_per_channel_scales
    q_per_channel_zero_points q_scale q_zero_point qscheme record_stream requires_grad resize resize_as
    result_type retain_grad retains_grad set set_data size sparse_dim storage_offset stride sym_constrain_range
    sym_constrain_range_for_size sym_is_contiguous sym_numel sym_size sym_storage_offset sym_stride
"""

_FACTORIES = """
    _dim_arange _efficientzerotensor _empty_affine_quantized _empty_per_channel_affine_quantized
    _new_zeros_with_same_feature_meta arange as_tensor bartlett_window blackman_window empty empty_like
    empty_permuted empty_quantized empty_strided eye fft_fftfreq fft_rfftfreq fill from_file full full_like
    hamming_window hann_window kaiser_window linspace logspace new_empty new_empty_strided new_full new_ones
    new_zeros ones ones_like range scalar_tensor tensor tril_indices triu_indices zero zeros zeros_like
"""

_RECORDS = """
    _call_end_callbacks_on_jit_fut _record_function_enter _record_function_enter_new _record_function_exit
"""

_QUERIES = "device dtype grad is_cuda is_meta is_sparse itemsize layout name requires_grad"


def is_view(op: str) -> bool:
    """Return whether an operator only re-arranges its input, or copies it as it is.

    No element is computed, padded, joined or dropped by value: reshape, permute, slice, clone, a cast.
    """
    return _functional(op) in _views


def is_silent(op: str) -> bool:
    """Return whether an operator is never worth a row: detach, factories, questions about sizes, assertions."""
    return _functional(op) in _silent


def _functional(op: str) -> str:
    # detach_ and detach are the same to a reader.
    return qualified_name(op).removesuffix("_")


def _names(library: str, *tables: str) -> frozenset[str]:
    return frozenset(f"{library}.{name}" for table in tables for name in table.split())


_views = _names("aten", _VIEWS, _VIEW_COPIES, _COPIES)
_silent = _names("aten", _BOOKKEEPING, _FACTORIES) | _names("profiler", _RECORDS) | _names("prim", _QUERIES)
no_macs(*_views, *_silent)

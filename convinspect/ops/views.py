"""Operators that re-arrange a tensor or copy it as it is, and operators that a reader never asked for."""

from __future__ import annotations

from convinspect.ops.operators import Operator, declare

# No element is computed, padded, joined or dropped by value: reshape, permute, slice, clone, a cast.
_VIEWS = """
    _mkldnn_reshape _mkldnn_transpose _reshape_alias=reshape _reshape_alias_copy=reshape _reshape_copy _to_copy
    _unsafe_view=view adjoint as_strided as_strided_copy broadcast_tensors broadcast_to chunk clone contiguous
    copy diagonal diagonal_copy dsplit expand expand_as expand_copy flatten hsplit mH mT moveaxis movedim narrow
    narrow_copy numpy_T permute permute_copy ravel real reshape reshape_as select select_copy slice slice_copy
    split split_copy split_with_sizes split_with_sizes_copy squeeze squeeze_copy swapaxes swapdims t t_copy
    tensor_split to transpose transpose_copy type_as unbind unbind_copy unflatten unsqueeze unsqueeze_copy view
    view_as view_copy vsplit
"""

# Nothing is computed here either, but what comes out is another kind of tensor; and unfold, for F.unfold's name.
_CONVERSIONS = """
    _autocast_to_full_precision _autocast_to_reduced_precision _cast_Byte _cast_Char _cast_Double _cast_Float
    _cast_Half _cast_Int _cast_Long _cast_Short _conj _conj_copy _conj_physical _copy_from _copy_from_and_resize
    _fw_primal _fw_primal_copy _indices _indices_copy _lazy_clone _make_dual _make_dual_copy _neg_view
    _neg_view_copy _nested_get_values _nested_get_values_copy _nested_view_from_buffer
    _nested_view_from_buffer_copy _nested_view_from_jagged _nested_view_from_jagged_copy _pin_memory
    _sparse_broadcast_to _sparse_broadcast_to_copy _to_cpu _to_dense _unpack_dual _values _values_copy
    atleast_1d atleast_2d atleast_3d ccol_indices ccol_indices_copy chalf col_indices col_indices_copy conj cpu
    crow_indices crow_indices_copy cuda imag indices indices_copy linalg_diagonal matrix_H pin_memory
    resolve_conj resolve_neg row_indices row_indices_copy slice_inverse to_dense to_mkldnn to_padded_tensor
    unfold unfold_copy unsafe_chunk unsafe_split unsafe_split_with_sizes values values_copy view_as_complex
    view_as_complex_copy view_as_real view_as_real_copy
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

_PRIMITIVE_VIEWS = """
    as_strided broadcast_in_dim=expand collapse=view collapse_view=view conj reshape rev=flip split_dim=view squeeze
    transpose=permute view_of=alias
"""

declare(_VIEWS, Operator(macs=0, kind="view"))
declare(_PRIMITIVE_VIEWS, Operator(macs=0, kind="view"), "prims.")
declare("convert_element_type=to", Operator(macs=0, kind="conversion"), "prims.")
declare(_CONVERSIONS, Operator(macs=0, kind="conversion"))
_SILENT = Operator(macs=0, kind="silent")
declare(_BOOKKEEPING, _SILENT)
declare(_FACTORIES, _SILENT)
declare(_RECORDS, _SILENT, "profiler.")
declare(_QUERIES, _SILENT, "prim.")

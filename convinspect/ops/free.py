"""Operators of torch's own libraries that compute something, but no multiply-accumulates by the definition.

Bias, norms, activations, softmax, losses and whatever works element by element are not MACs; nor are pooling,
resampling and most norms, which stand in files of their own. What is missing here on purpose multiplies and adds in
amounts that are not written down yet: Fourier transforms, solvers and factorisations of linalg, cumulative products.
"""

from __future__ import annotations

from convinspect.ops.operators import Operator, declare

_POINTWISE = """
    __and__ __iand__ __ilshift__ __ior__ __irshift__ __ixor__ __lshift__ __or__ __rshift__ __xor__ _add_relu
    _masked_scale _prelu_kernel=prelu abs absolute acos acosh add addcdiv addcmul angle arccos arccosh arcsin
    arcsinh arctan arctan2 arctanh asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_not
    bitwise_or bitwise_right_shift bitwise_xor ceil celu clamp clamp_max clamp_min clip complex conj_physical
    copysign cos cosh deg2rad digamma div divide elu eq erf erfc erfinv exp exp2 expm1 fix float_power floor
    floor_divide fmax fmin fmod frac frexp gcd ge gelu glu greater greater_equal gt hardshrink hardsigmoid
    hardswish hardtanh heaviside hypot i0 igamma igammac isclose isfinite isin isinf isnan isneginf isposinf
    isreal lcm ldexp le leaky_relu lerp less less_equal lgamma log log10 log1p log2 log_sigmoid=logsigmoid
    logaddexp logaddexp2 logical_and logical_not logical_or logical_xor logit lt masked_fill maximum minimum
    mish mul multiply mvlgamma nan_to_num ne neg negative nextafter not_equal polar polygamma pow prelu rad2deg
    reciprocal relu relu6 remainder round rrelu rrelu_with_noise=rrelu rrelu_with_noise_functional rsqrt
    rsub=sub selu sgn sigmoid sign signbit silu sin sinc sinh softplus softshrink sqrt square sub subtract tan
    tanh threshold true_divide trunc where xlogy
"""

_SPECIAL = """
    airy_ai bessel_j0 bessel_j1 bessel_y0 bessel_y1 chebyshev_polynomial_t chebyshev_polynomial_u
    chebyshev_polynomial_v chebyshev_polynomial_w digamma entr erf erfc erfcx erfinv exp2 expit expm1 gammainc
    gammaincc gammaln hermite_polynomial_h hermite_polynomial_he i0 i0e i1 i1e laguerre_polynomial_l
    legendre_polynomial_p log1p log_ndtr log_softmax logit logsumexp modified_bessel_i0 modified_bessel_i1
    modified_bessel_k0 modified_bessel_k1 multigammaln ndtr ndtri polygamma psi round scaled_modified_bessel_k0
    scaled_modified_bessel_k1 shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u
    shifted_chebyshev_polynomial_v shifted_chebyshev_polynomial_w sinc softmax spherical_bessel_j0 xlog1py xlogy
    zeta
"""

_REDUCTIONS = """
    _aminmax _cummax_helper _cummin_helper _is_all_true _is_any_true _logcumsumexp
    _nested_compute_contiguous_strides_offsets _unique _unique2=unique all allclose amax amin aminmax any argmax
    argmin bincount count_nonzero cummax cummin cumsum diff dist frobenius_norm histc histogram kthvalue
    linalg_norm linalg_vector_norm=norm logcumsumexp logsumexp max median min mode nanmean nanmedian nanquantile
    nansum norm pairwise_distance prod quantile segment_reduce std std_mean sum sum_to_size trace
    unique_consecutive unique_dim unique_dim_consecutive var var_mean
"""

_NORMS = """
    _weight_norm batch_norm_elemt=batch_norm batch_norm_gather_stats batch_norm_gather_stats_with_counts
    batch_norm_stats batch_norm_update_stats cosine_similarity instance_norm native_norm norm_except_dim
    quantized_batch_norm renorm
"""

_SOFTMAX_AND_DROPOUT = """
    _log_softmax _masked_softmax _nested_tensor_softmax_with_shape _safe_softmax=softmax _softmax
    _transform_bias_rescale_qkv alpha_dropout dropout feature_alpha_dropout feature_dropout log_softmax softmax
"""

_SAMPLING = """
    _grid_sampler_2d_cpu_fallback affine_grid_generator=affine_grid cudnn_affine_grid_generator=affine_grid
    cudnn_grid_sampler=grid_sample grid_sampler=grid_sample grid_sampler_2d=grid_sample grid_sampler_3d=grid_sample
    max_unpool2d max_unpool3d
"""

_MOVING = """
    _chunk_cat _index_put_impl=index_put _jagged_to_padded_dense_forward _nested_from_padded
    _nested_from_padded_and_nested_example _nested_from_padded_tensor _nested_tensor_from_mask
    _nested_tensor_from_mask_left_aligned _nested_tensor_from_tensor_list _pack_padded_sequence
    _pad_packed_sequence _padded_dense_to_jagged_forward _stack _unsafe_index=index _unsafe_index_put=index_put
    _unsafe_masked_index _unsafe_masked_index_put_accumulate argsort argwhere as_strided_scatter block_diag
    bucketize cartesian_prod cat channel_shuffle column_stack combinations concat concatenate cross diag
    diag_embed diagflat diagonal_scatter dstack embedding_renorm fft_fftshift fft_ifftshift fill_diagonal
    flatten_dense_tensors flip fliplr flipud gather hstack index index_add index_copy index_fill index_put
    index_reduce index_select linalg_cross linalg_vander lu_unpack masked_scatter masked_select meshgrid
    mkldnn_reorder_conv2d_weight mkldnn_reorder_conv3d_weight msort native_channel_shuffle
    nested_to_padded_tensor nonzero nonzero_numpy nonzero_static one_hot pad_sequence pixel_shuffle
    pixel_unshuffle put repeat repeat_interleave roll rot90 row_stack scatter scatter_add scatter_reduce
    searchsorted select_scatter slice_scatter sort stack take take_along_dim tile topk tril triu
    unflatten_dense_tensors vander vstack
"""

_RANDOM = """
    _fill_mem_eff_dropout_mask _no_grad_fill _no_grad_normal _no_grad_uniform _no_grad_zero _philox_key_fold_in
    _philox_key_split _philox_normal _philox_uniform _sample_dirichlet _sobol_engine_draw _standard_gamma
    bernoulli binomial cauchy exponential geometric log_normal multinomial normal normal_functional poisson rand
    rand_like randint randint_like randn randn_like random randperm uniform
"""

_LOSSES = """
    binary_cross_entropy binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy_loss ctc_loss
    hinge_embedding_loss huber_loss kl_div l1_loss margin_ranking_loss mse_loss multi_margin_loss
    multilabel_margin_loss nll_loss nll_loss2d nll_loss_nd poisson_nll_loss smooth_l1_loss soft_margin_loss
    triplet_margin_loss
"""

# Indices, statistics and log-sums come out as well, which the function of the same name keeps to itself.
_WITH_BY_PRODUCTS = """
    _ctc_loss _cudnn_ctc_loss _fused_dropout=dropout _weight_norm_interface=weight_norm
    fake_quantize_per_channel_affine_cachemask fake_quantize_per_tensor_affine_cachemask
    log_sigmoid_forward=logsigmoid miopen_ctc_loss multilabel_margin_loss_forward native_dropout
    nll_loss2d_forward=nll_loss nll_loss_forward
"""

# Distances subtract, take powers and add: no product is summed, though torch has a matrix product for large ones.
_DISTANCES = "_cdist_forward cdist _euclidean_dist=cdist _pdist_forward pdist"

# They sum nothing: outer products are multiplied element by element, and torch.outer arrives as aten.mul anyway.
_OUTER_PRODUCTS = "addr ger kron outer"

_GATES = "_thnn_fused_gru_cell _thnn_fused_lstm_cell"

_QUANTISATION = """
    _choose_qparams_per_tensor _convert_weight_to_int4pack _convert_weight_to_int4pack_for_cpu
    _dyn_quant_pack_4bit_weight _fake_quantize_learnable_per_channel_affine
    _fake_quantize_learnable_per_tensor_affine _fake_quantize_per_tensor_affine_cachemask_tensor_qparams
    _fused_moving_avg_obs_fq_helper _fused_moving_avg_obs_fq_helper_functional
    _make_per_channel_quantized_tensor _make_per_tensor_quantized_tensor dequantize
    fake_quantize_per_channel_affine fake_quantize_per_tensor_affine fused_moving_avg_obs_fake_quant int_repr
    quantize_per_channel quantize_per_tensor quantize_per_tensor_dynamic
"""

_SPARSE = """
    _coalesce _convert_indices_from_coo_to_csr _convert_indices_from_csr_to_coo _sparse_bsc_tensor_unsafe
    _sparse_bsr_tensor_unsafe _sparse_compressed_tensor_unsafe _sparse_compressed_tensor_with_dims
    _sparse_coo_tensor_unsafe _sparse_coo_tensor_with_dims _sparse_coo_tensor_with_dims_and_tensors
    _sparse_csc_tensor_unsafe _sparse_csr_sum _sparse_csr_tensor_unsafe _sparse_log_softmax
    _sparse_mask_projection _sparse_softmax _sparse_sum _spdiags _to_sparse _to_sparse_bsc _to_sparse_bsr
    _to_sparse_csc _to_sparse_csr coalesce resize_as_sparse sparse_bsc_tensor sparse_bsr_tensor
    sparse_compressed_tensor sparse_coo_tensor sparse_csc_tensor sparse_csr_tensor sparse_mask sparse_resize
    sparse_resize_and_clear to_sparse to_sparse_bsc to_sparse_bsr to_sparse_csc to_sparse_csr
"""

_QUANTISED = """
    add add_relu add_scalar add_scalar_relu batch_norm batch_norm1d batch_norm1d_relu batch_norm2d
    batch_norm2d_relu batch_norm3d batch_norm3d_relu batch_norm_relu cat cat_relu celu clamp dropout elu
    embedding_4bit embedding_byte group_norm hardswish instance_norm layer_norm leaky_relu max_pool1d max_pool2d
    mul mul_relu mul_scalar mul_scalar_relu prelu relu6 sigmoid softmax threshold
"""

_DECOMPOSED = """
    choose_qparams choose_qparams_symmetric convert_element_type dequantize_per_channel
    dequantize_per_channel_group dequantize_per_tensor dequantize_per_token fake_quant_per_channel
    quantize_per_channel quantize_per_channel_group quantize_per_tensor quantize_per_token
"""

_COLLECTIVES = """
    all_gather_into_tensor all_gather_into_tensor_coalesced all_reduce all_reduce_coalesced all_to_all_single
    broadcast reduce_scatter_tensor reduce_scatter_tensor_coalesced wait_tensor
"""

_TORCHVISION = "nms ps_roi_align ps_roi_pool roi_align roi_pool"

# What a forward runs that asks autograd for derivatives; products are not among them.
_DERIVATIVES = """
    _adaptive_avg_pool2d_backward _adaptive_avg_pool3d_backward _prelu_kernel_backward _log_softmax_backward_data
    _softmax_backward_data _upsample_bilinear2d_aa_backward _upsample_nearest_exact2d_backward
    adaptive_max_pool2d_backward adaptive_max_pool3d_backward avg_pool2d_backward avg_pool3d_backward
    binary_cross_entropy_backward diagonal_backward elu_backward embedding_dense_backward gelu_backward glu_backward
    hardsigmoid_backward hardswish_backward hardtanh_backward huber_loss_backward leaky_relu_backward logit_backward
    log_sigmoid_backward max_pool2d_with_indices_backward max_pool3d_with_indices_backward mish_backward
    mse_loss_backward native_batch_norm_backward native_dropout_backward native_group_norm_backward
    native_layer_norm_backward nll_loss2d_backward nll_loss_backward reflection_pad1d_backward
    reflection_pad2d_backward reflection_pad3d_backward replication_pad1d_backward replication_pad2d_backward
    replication_pad3d_backward rrelu_with_noise_backward select_backward sigmoid_backward silu_backward slice_backward
    smooth_l1_loss_backward soft_margin_loss_backward softplus_backward tanh_backward threshold_backward
    unfold_backward upsample_bicubic2d_backward upsample_bilinear2d_backward upsample_nearest2d_backward
"""

# What torch takes derivatives apart into has the names of whole operators, or these.
_PRIMITIVES = "amax amin cat clone fill iota prod sum var xor_sum"

_FREE = Operator(macs=0)

for _family in (_POINTWISE, _REDUCTIONS, _NORMS, _SOFTMAX_AND_DROPOUT, _SAMPLING, _MOVING, _RANDOM):
    declare(_family, _FREE)
for _family in (_LOSSES, _OUTER_PRODUCTS, _GATES, _QUANTISATION, _SPARSE, _DERIVATIVES):
    declare(_family, _FREE)
declare(_DISTANCES, _FREE)
declare(_WITH_BY_PRODUCTS, Operator(macs=0, by_products=True))
declare(_SPECIAL, _FREE, "aten.special_")
declare(_POINTWISE, _FREE, "prims.")
declare(_PRIMITIVES, _FREE, "prims.")
declare(_QUANTISED, _FREE, "quantized.")
declare(_DECOMPOSED, _FREE, "quantized_decomposed.")
declare(_COLLECTIVES, _FREE, "_c10d_functional.")
declare(_TORCHVISION, _FREE, "torchvision.")

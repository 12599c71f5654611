"""What is known of layers by name: those that look at one position at a time, that join, that keep."""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Each output element depends on the elements at its own place, and the shape stays.
ELEMENTWISE = _names(
    """
    relu relu6 leaky_relu sigmoid tanh gelu silu hardtanh hardswish hardsigmoid elu celu selu mish softplus logsigmoid
    prelu clamp abs exp log sqrt neg square pow
    ReLU ReLU6 LeakyReLU Sigmoid Tanh GELU SiLU Hardtanh Hardswish Hardsigmoid ELU CELU SELU Mish Softplus LogSigmoid
    PReLU
    """
)
# In evaluation they are a multiplication and an addition a channel; in training they look at the whole batch.
BATCH_NORMS = _names("batch_norm BatchNorm1d BatchNorm2d BatchNorm3d")
# These look at several positions, and the shape stays as well.
SAME_SHAPE = _names(
    """
    softmax log_softmax layer_norm group_norm instance_norm rms_norm
    Softmax LogSoftmax LayerNorm GroupNorm InstanceNorm1d InstanceNorm2d InstanceNorm3d RMSNorm
    Dropout Dropout1d Dropout2d Dropout3d Identity
    """
)
JOINING = _names("add sub mul div maximum minimum cat")
# These hold the same elements in another shape; a slice, say, or an expansion does not.
REARRANGING = _names(
    """
    view reshape flatten unflatten ravel permute transpose t swapaxes swapdims movedim moveaxis mT squeeze unsqueeze
    contiguous clone
    """
)
# After these an axis of the tensor need not be the axis of the input that has its place.
MOVING_AXES = _names(
    """
    permute transpose t swapaxes swapdims movedim moveaxis mT rot90 view reshape flatten unflatten unfold fold matmul
    squeeze unsqueeze expand diagonal as_strided
    """
)
# What a backward pass needs of a layer: its input, or its output.
KEEPS_INPUT = _names(
    """
    conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d linear max_pool2d max_pool3d avg_pool2d
    avg_pool3d gelu silu hardswish mish softplus leaky_relu elu
    Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d Linear MaxPool2d MaxPool3d AvgPool2d AvgPool3d
    GELU SiLU Hardswish Mish Softplus LeakyReLU ELU
    batch_norm layer_norm group_norm BatchNorm1d BatchNorm2d BatchNorm3d LayerNorm GroupNorm
    """
)
KEEPS_OUTPUT = _names("relu sigmoid tanh softmax log_softmax ReLU Sigmoid Tanh Softmax LogSoftmax")
KEEPS_NOTHING = _names("add sub cat adaptive_avg_pool2d pad mean")

"""What the words of a report mean, each with the arithmetic of a small example."""

from __future__ import annotations

_TEXT = """
output size
  floor((i + 2p - d(k-1) - 1)/s) + 1 for an axis of i positions, a kernel of k, stride s, padding p on both sides and
  dilation d. Conv2d(3, 64, 11, stride=4, padding=2) at 224: floor((224 + 2*2 - 1*(11-1) - 1)/4) + 1 = 55.

parameters
  The numbers that are learned. A convolution has a weight for each filter, each channel that the filter reads and each
  tap, and a bias for each filter. Conv2d(6, 6, 1, bias=False) has 6 * 6 * 1x1 = 36, with groups=3 it has
  6 * 6/3 * 1x1 = 12.

MACs and FLOPs
  A multiply-accumulate is one multiplication and one addition, so FLOPs are 2 * MACs. A convolution has
  outputs * channels/groups * taps, a linear layer outputs * inputs. Bias, normalisation, activations, pooling and
  softmax are not counted.

receptive field
  The positions of the input that one unit depends on. A kernel of k grows it by (k-1)*jump: 6 + (5-1)*2 = 14. With
  dilation d the kernel spans k + (k-1)(d-1). Nothing is cut off at the border: what lies outside is padding.

stride (jump)
  How many positions of the input lie between the fields of two neighbouring units: the strides of all layers up to
  here, multiplied; 1/2 after an upsampling by two.

global
  A mean over space, attention, or a norm over positions makes every unit depend on the whole input. The local field is
  what remains where these are set aside.

saved for backward
  Bytes that a training step keeps from the forward until the backward pass. The gradient of a convolution's weight
  needs its input, that of a ReLU its output, that of a max pool the index of what won, 8 bytes each. Layers that work
  in place and views allocate nothing.

peak
  The most bytes that are alive at once: weights, inputs, and each activation from the operator that makes it until the
  last tensor on its memory is dropped; in training also what is saved, gradients, and the optimizer's states.
"""

TERMS = tuple(
    (name, " ".join(text.split())) for name, _, text in (term.partition("\n") for term in _TEXT.strip().split("\n\n"))
)

"""TorchScript: markers in its graphs say which module runs; the rest makes its graphs run as eager does."""

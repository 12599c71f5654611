"""The ways of running a model: eager modules, TorchScript, exported programs."""

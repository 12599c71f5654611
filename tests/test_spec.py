"""What people write for targets and inputs, and what it means."""

from __future__ import annotations

import pytest

from convinspect.errors import UsageError
from convinspect.parsing import parse_device, parse_float_dtype, parse_input, parse_target
from convinspect.spec import InputSpec, Target


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("3,224,224", InputSpec((3, 224, 224))),
        ("3x224x224", InputSpec((3, 224, 224))),
        ("3, 224, 224", InputSpec((3, 224, 224))),
        ("128", InputSpec((128,))),
        ("128,", InputSpec((128,))),
        ("128:int64", InputSpec((128,), None, "int64")),
        ("ids=128:int64:30522", InputSpec((128,), "ids", "int64", 30522)),
        ("mask=128:bool", InputSpec((128,), "mask", "bool")),
        ("x=3,8,8:bf16", InputSpec((3, 8, 8), "x", "bfloat16")),
        ("t=:long", InputSpec((), "t", "int64")),
        ("0,4", InputSpec((0, 4))),
        ("3 32 32", InputSpec((3, 32, 32))),
        ("(3,32,32)", InputSpec((3, 32, 32))),
        ("[3, 32, 32]", InputSpec((3, 32, 32))),
        ("x=(128,):int64:10", InputSpec((128,), "x", "int64", 10)),
        ("3 x 8 x 8", InputSpec((3, 8, 8))),
    ],
)
def test_an_input_spec_reads_as_written(text: str, meaning: InputSpec) -> None:
    assert parse_input(text) == meaning


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "not a shape"),
        ("a,b", "'a,b' is not a shape"),
        ("3,-1", "not a shape"),
        ("3,,4", "not a shape"),
        ("3.5", "not a shape"),
        ("3:float99", "unknown dtype 'float99'"),
        ("3:int64:0", "not a positive count"),
        ("3:float32:5", "only integers"),
        ("3:int64:5:6", "at most"),
        ("2x=3", "not a name"),
        ("1e3", "not a shape"),
        ("\u0663", "not a shape"),
        ("3:int64:\u0663", "not a positive count"),
        ("9" * 5_000, "larger than any tensor"),
        (f"3:int64:{'9' * 5_000}", "larger than any tensor"),
        (str(2**63), "larger than any tensor"),
        ("(3,32", "not a shape"),
        ("((3,32))", "not a shape"),
    ],
)
def test_a_spec_that_does_not_fit_names_the_part(text: str, named: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_input(text)
    assert named in caught.value.message
    assert caught.value.hint is not None


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("model.py", Target("model.py", "model.py", None)),
        ("model.py:Net", Target("model.py:Net", "model.py", "Net")),
        ("a/b.py:zoo.Net", Target("a/b.py:zoo.Net", "a/b.py", "zoo.Net")),
        ("timm:create_model", Target("timm:create_model", "timm", "create_model")),
        ("C:\\models\\net.py", Target("C:\\models\\net.py", "C:\\models\\net.py", None)),
    ],
)
def test_a_target_reads_as_written(text: str, meaning: Target) -> None:
    assert parse_target(text) == meaning


@pytest.mark.parametrize("text", ["model.py:", ":Net", "model.py:3"])
def test_a_target_with_half_a_colon_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="after the colon"):
        parse_target(text)


def test_a_model_is_cast_to_floating_dtypes_only() -> None:
    assert parse_float_dtype("fp16", "--dtype") == "float16"
    with pytest.raises(UsageError, match="--dtype: int8 is not a floating dtype"):
        parse_float_dtype("int8", "--dtype")


@pytest.mark.parametrize("text", ["auto", "cpu", "meta", "mps", "cuda", "cuda:3"])
def test_a_device_reads_as_written(text: str) -> None:
    assert parse_device(text) == text


@pytest.mark.parametrize("text", ["", "tpu", "cuda:", "cuda:-1", "cuda:\u0663", "CPU", "cpu "])
def test_what_is_no_device_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a device"):
        parse_device(text)

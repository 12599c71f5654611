"""The config: found upwards, read to checks, and every mistake named with its key."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from convinspect.check.config import find_config, read_config
from convinspect.errors import UsageError
from convinspect.spec import InputSpec, Reference, Target

GOOD = """
[tool.convinspect]
dtype = "float16"

[tool.convinspect.checks.lenet]
target = "models/lenet.py:LeNet"
args = { width = 2, names = ["a"] }
inputs = ["1,28,28", "mask=28:bool"]
batch-size = 4
optimizer = "none"
environment = ["WIDTH"]
baseline = "budgets/lenet.json"
cumulative-baseline = "git:v1"
message = "ask in #models first"

[tool.convinspect.checks.lenet.limits]
params = "50K"
max-weights = "1 MiB"
min-receptive-field = 20
growth = { params = "5%", macs = "10M" }
cumulative = { params = "20%" }
"conv*" = { macs = 400_000, growth = { params = 0 } }

[tool.convinspect.checks.lenet.rules]
frozen = ["conv1"]
max-share = "80%"
no-uncounted = false

[tool.convinspect.checks.other]
target = "torchvision.models:resnet18"
device = "cpu"
dtype = "float32"
args = { "config.width" = 8, norm = "@torch.nn.LayerNorm" }
input-from = "data.py:batch"
past = 16
no-weights = true
argv = "--width '3 4'"
limits.params = 12_000_000
"""


def _write(folder: Path, text: str, name: str = "pyproject.toml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_a_check_says_what_runs_and_what_it_is_held_to(tmp_path: Path) -> None:
    config = read_config(_write(tmp_path, GOOD))
    lenet, other = config.checks
    assert lenet.request.target == Target("models/lenet.py:LeNet", "models/lenet.py", "LeNet")
    assert lenet.request.arguments == (("width", 2), ("names", ["a"]))
    assert lenet.request.inputs == (InputSpec((1, 28, 28)), InputSpec((28,), "mask", "bool"))
    assert (lenet.request.batch_size, lenet.request.optimizer) == (4, None)
    assert (lenet.folder, lenet.config, lenet.table) == (
        tmp_path,
        tmp_path / "pyproject.toml",
        "tool.convinspect.checks.lenet",
    )
    assert (lenet.baseline, lenet.cumulative_baseline) == ("budgets/lenet.json", "git:v1")
    assert (lenet.message, lenet.environment) == ("ask in #models first", ("WIDTH",))
    assert [(one.name, one.kind, one.amount, one.key.rpartition("limits.")[2]) for one in lenet.limits] == [
        ("params", "max", 50_000, "params"),
        ("weights", "max", 2**20, "max-weights"),
        ("receptive-field", "min", 20, "min-receptive-field"),
        ("params growth", "growth", Fraction(1, 20), "growth.params"),
        ("macs growth", "growth", 10**7, "growth.macs"),
        ("params cumulative growth", "cumulative", Fraction(1, 5), "cumulative.params"),
        ("conv* macs", "max", 400_000, '"conv*".macs'),
        ("conv* params growth", "growth", 0, '"conv*".growth.params'),
    ]
    assert [(one.name, one.names) for one in lenet.rules] == [("max-share", ()), ("frozen conv1", ("conv1",))]
    assert other.request.target.attribute == "resnet18"
    assert other.request.arguments == (("config.width", 8), ("norm", Reference("torch.nn.LayerNorm")))
    assert other.request.input_from == Target("data.py:batch", "data.py", "batch")
    assert (other.request.past, other.request.optimizer, other.request.weights) == (16, None, False)
    assert (lenet.request.input_from, lenet.request.past, lenet.request.weights) == (None, 0, True)
    assert (lenet.request.argv, other.request.argv) == ((), ("--width", "3 4"))


def test_a_check_runs_on_meta_unless_it_says_otherwise(tmp_path: Path) -> None:
    lenet, other = read_config(_write(tmp_path, GOOD)).checks
    assert (lenet.request.device, other.request.device) == ("meta", "cpu")


def test_what_is_said_once_holds_for_every_check_that_does_not_say_otherwise(tmp_path: Path) -> None:
    lenet, other = read_config(_write(tmp_path, GOOD)).checks
    assert (lenet.request.dtype, other.request.dtype) == ("float16", "float32")


def test_a_file_of_its_own_needs_no_prefix(tmp_path: Path) -> None:
    text = GOOD.replace("[tool.convinspect]\n", "").replace("tool.convinspect.", "")
    checks = read_config(_write(tmp_path, text, "convinspect.toml")).checks
    assert [check.table for check in checks] == ["checks.lenet", "checks.other"]


class TestFinding:
    def test_the_nearest_upwards_is_taken(self, tmp_path: Path) -> None:
        inner = tmp_path / "a" / "b"
        inner.mkdir(parents=True)
        outer = _write(tmp_path, GOOD)
        assert find_config(inner) == outer
        nearer = _write(tmp_path / "a", GOOD)
        assert find_config(inner) == nearer

    def test_a_pyproject_without_our_table_is_passed_over(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        outer = _write(tmp_path, GOOD)
        _write(tmp_path / "a", "[tool.ruff]\n")
        assert find_config(tmp_path / "a") == outer

    def test_a_file_of_its_own_comes_first(self, tmp_path: Path) -> None:
        _write(tmp_path, GOOD)
        own = _write(tmp_path, "", "convinspect.toml")
        assert find_config(tmp_path) == own

    def test_nothing_is_none(self, tmp_path: Path) -> None:
        assert find_config(tmp_path) is None

    def test_one_on_the_way_that_cannot_be_read_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        _write(tmp_path, "[tool.ruff\n")
        with pytest.raises(UsageError, match=r"pyproject\.toml: not TOML: .* line 1"):
            find_config(tmp_path / "a")


HEAD = '[tool.convinspect.checks.net]\ntarget = "net.py"\n'

BAD = {
    "not TOML": ("[tool.convinspect", "not TOML"),
    "not UTF-8": ("\udcff", "not TOML"),
    "no table": ("[tool.ruff]", "no [tool.convinspect] table in it"),
    "a value for the table": ("tool.convinspect = 5", "tool.convinspect: expected a table"),
    "no checks": ("[tool.convinspect]", "tool.convinspect.checks: there is no check"),
    "an unknown key on top": (
        "[tool.convinspect]\nchekcs = 1",
        "tool.convinspect.chekcs: no such key; did you mean checks?",
    ),
    "a check that is no table": ("[tool.convinspect]\nchecks.net = 1", "checks.net: expected a table, got a number"),
    "a name with a slash": ('[tool.convinspect.checks."a/b"]\n', 'checks."a/b": a name is made of letters'),
    "an unknown key": (HEAD + "limit = 5", "checks.net.limit: no such key; did you mean limits?"),
    "no target": ("[tool.convinspect.checks.net]\nlimits.params = 5", "checks.net.target: missing"),
    "an empty target": ('[tool.convinspect.checks.net]\ntarget = " "\nlimits.params = 5', "checks.net.target: empty"),
    "a bad target": (
        '[tool.convinspect.checks.net]\ntarget = "net.py:5"\nlimits.params = 5',
        "checks.net.target: net.py:5: after the colon",
    ),
    "no limits": (HEAD, "checks.net: no limits and no rules: nothing is checked"),
    "a rule that is off": (HEAD + "rules.no-uncounted = false", "nothing is checked"),
    "limits that are no table": (HEAD + "limits = 5", "checks.net.limits: expected a table, got a number"),
    "an unknown limit": (HEAD + 'limits.max-parms = "5M"', "limits.max-parms: no such limit; did you mean max-params?"),
    "an underscore": (HEAD + 'limits.max_params = "5M"', "limits.max_params: no such limit; did you mean max-params?"),
    "a limit like no other": (HEAD + "limits.zzz = 5", "limits.zzz: no such limit; known: params, "),
    "a limit that is true": (HEAD + "limits.params = true", "limits.params: expected an amount, got true"),
    "a limit that is a list": (HEAD + "limits.params = [5]", "limits.params: expected an amount, got a list"),
    "a limit that is a table": (HEAD + "limits.params = { max = 5 }", "limits.params: expected an amount, got a table"),
    "not a number": (HEAD + "limits.params = nan", "limits.params: nan is not a limit"),
    "infinite": (HEAD + "limits.params = inf", "limits.params: inf is not a limit"),
    "negative": (HEAD + "limits.params = -5", "limits.params: -5 is negative"),
    "a share for a count": (HEAD + 'limits.params = "5%"', "limits.params: 5% is a share"),
    "bytes for a count": (HEAD + 'limits.macs = "5MB"', "limits.macs: 5MB is a size"),
    "a count for bytes": (
        HEAD + 'limits.weights = "5M"',
        "limits.weights: 5M is a count, and this is a limit in bytes",
    ),
    "a field without a side": (HEAD + "limits.receptive-field = 5", "receptive-field: a smallest or a largest field?"),
    "one limit twice": (HEAD + "limits = { params = 5, max-params = 6 }", "limits.max-params: says the same as"),
    "growth without a unit": (HEAD + "limits.growth.params = 5", "limits.growth.params: 5 has no unit"),
    "growth of nothing known": (
        HEAD + 'limits.growth.parms = "5%"',
        "limits.growth.parms: no metric 'parms'; did you mean params?",
    ),
    "growth that is no table": (HEAD + 'limits.growth = "5%"', "limits.growth: expected a table, got text"),
    "a peak of a part": (HEAD + 'limits."a.*".inference-peak = "5MB"', "is a number of the whole model"),
    "a part in a part": (HEAD + 'limits."a.*"."b.*".params = 5', 'limits."a.*"."b.*": expected an amount, got a table'),
    "an unknown limit of a part": (HEAD + 'limits."a.*".parms = 5', 'limits."a.*".parms: no such limit'),
    "an unknown rule": (HEAD + "rules.froze = []", "rules.froze: no such key; did you mean frozen?"),
    "a share without a sign": (HEAD + "rules.max-share = 0.4", "rules.max-share: 0.4 has no unit"),
    "a bad input": (HEAD + 'inputs = "3,x"\nlimits.params = 5', "checks.net.inputs: --input 3,x: '3,x' is not a shape"),
    "an input that is a number": (
        HEAD + "inputs = [3]\nlimits.params = 5",
        "checks.net.inputs: expected a list of texts",
    ),
    "a bad device": (HEAD + 'device = "gpu"\nlimits.params = 5', "checks.net.device: --device gpu: not a device"),
    "a bad dtype": (HEAD + 'dtype = "int8"\nlimits.params = 5', "checks.net.dtype: int8 is not a floating dtype"),
    "a bad optimizer": (HEAD + 'optimizer = "adm"\nlimits.params = 5', "net.optimizer: no 'adm'; did you mean adam?"),
    "a batch of nothing": (HEAD + "batch-size = 0\nlimits.params = 5", "checks.net.batch-size: 0 is less than 1"),
    "a batch and none": (
        HEAD + "batch-size = 2\nno-batch = true\nlimits.params = 5",
        "no-batch: contradicts batch-size",
    ),
    "a flag that is text": (
        HEAD + 'train = "yes"\nlimits.params = 5',
        "checks.net.train: expected true or false, got text",
    ),
    "an argument without a name": (
        HEAD + 'args."a b" = 1\nlimits.params = 5',
        "args: 'a b' is not a name of an argument",
    ),
    "a message that is a number": (
        HEAD + "message = 5\nlimits.params = 5",
        "checks.net.message: expected text, got a number",
    ),
}


@pytest.mark.parametrize(("text", "says"), BAD.values(), ids=BAD.keys())
def test_a_mistake_is_named_with_its_file_and_key(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(UsageError) as raised:
        read_config(file)
    error = raised.value
    assert error.message.startswith(str(file))
    assert says in f"{error.message}; {error.hint}"
    assert error.exit_code == 2

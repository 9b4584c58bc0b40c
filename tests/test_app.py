"""tinyml new, and the commands in the folder that it makes."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.support.running.cli import run_tinyml
from tinyml import api
from tinyml.base.errors import BoardError, BuildError, TinymlError
from tinyml.project.application import FILE, defaults
from tinyml.session.new import new
from tinyml.session.starter import starter_model

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


def tinyml(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run_tinyml(*arguments, cwd=cwd)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    new(tmp_path / "my-app", "nucleo_l4r5zi", None, None)
    return tmp_path / "my-app"


def write(app: Path, text: str) -> None:
    (app / FILE).write_text(text, encoding="utf-8")


@pytest.mark.sim
def test_from_nothing_to_a_run(tmp_path: Path) -> None:
    made = tinyml("new", "my-app", "--board", "nucleo_l4r5zi", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[-1] == "next: cd my-app && tinyml build"
    app = tmp_path / "my-app"
    assert not (app / "build").exists()
    code = (app / "main.c").read_text()
    (app / "main.c").write_text(code + "/* mine */\n")
    (app / "model.tflite").write_bytes(DIGITS.read_bytes())
    built = tinyml("build", cwd=app)
    assert built.returncode == 0, built.stderr
    assert "build/model-nucleo_l4r5zi/firmware.elf" in built.stdout
    assert "CONV_2D" in (app / "model" / "model.c").read_text()
    assert (app / "main.c").read_text().endswith("/* mine */\n")
    ran = tinyml("simulate", "--samples", "1", cwd=app)
    assert "outputs equal to the reference on all 1 sample" in ran.stdout, ran.stderr
    assert [path.name for path in (app / "build").iterdir()] == ["model-nucleo_l4r5zi"]


def test_the_starter_model_is_an_ordinary_one(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(starter_model())
    graph = api.load(path)
    assert [op.kind for op in graph.ops] == ["FULLY_CONNECTED"]
    assert starter_model() == starter_model()


@pytest.mark.parametrize(
    ("board", "template", "files"),
    [
        ("nicla_vision", None, ["examples/model/model.ino", "src/model.c"]),
        ("esp32s3", None, ["main/main.c", "sdkconfig.defaults"]),
        ("nucleo_l4r5zi", "cmake_tflm", ["main.c"]),
        ("nucleo_h743zi2", "cubemx", ["tinyml/app.c", "tinyml/CMakeLists.txt"]),
    ],
)
def test_every_kind_of_project(
    board: str, template: str | None, files: list[str], tmp_path: Path
) -> None:
    app = tmp_path / "app"
    new(app, board, template, DIGITS)
    assert (app / "model.tflite").read_bytes() == DIGITS.read_bytes()
    assert all((app / name).is_file() for name in (*files, FILE))
    values = defaults(app)
    assert values["board"] == board
    assert (values["runtime"] == "tflm") == (template == "cmake_tflm")
    assert [path for path in app.rglob("model.*") if path.suffix in (".c", ".cc", ".cpp")]


def test_options_come_before_the_file(app: Path) -> None:
    write(app, 'model = "model.tflite"\nboard = "nucleo_l4r5zi"\noptimize = "size"\n')
    assert "--optimize size" in tinyml("build", "--project-only", "--json", cwd=app).stdout
    text = tinyml("build", "--project-only", "--json", "--optimize", "ram", cwd=app).stdout
    assert "--optimize ram" in text
    checked = tinyml("check", "--board", "rpi_pico", cwd=app)
    assert "rpi_pico: fits" in checked.stdout
    assert "nucleo_l4r5zi: fits" not in checked.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("board = 3", "'board' must be a string, found 3"),
        ('bord = "esp32s3"', "'board' is missing"),
        ('board = "esp32s4"', "'board': unknown board 'esp32s4'"),
        ('board = "esp32s3"\nspeed = 1', "unknown key 'speed'"),
        ('board = "esp32s3"\noptimize = "fast"', "'optimize' is 'fast', which is not known"),
        ('board = "esp32s3"\nram_budget = 64', "'ram_budget' must be a list of strings"),
        ("board = ", "not a TOML file"),
    ],
)
def test_errors_name_file_and_key(text: str, message: str, app: Path) -> None:
    write(app, f'model = "model.tflite"\n{text}\n')
    with pytest.raises(BoardError) as caught:
        defaults(app)
    assert message in caught.value.message
    assert caught.value.where == str(app / FILE)


def test_a_model_that_is_not_there(app: Path) -> None:
    write(app, 'model = "other.tflite"\nboard = "esp32s3"\n')
    failed = tinyml("build", cwd=app)
    assert failed.returncode == 1
    assert failed.stderr == (
        "error: tinyml.toml: 'model' is 'other.tflite', which is not there\n"
        "hint: put the model there\n"
    )
    assert tinyml("boards", cwd=app).returncode == 0  # others do not read it


def test_the_samples_of_an_application_are_named_in_its_file(app: Path) -> None:
    write(app, 'model = "model.tflite"\nboard = "esp32s3"\ninputs = "mine.npz"\n')
    with pytest.raises(BoardError, match=r"'inputs' is 'mine.npz', which is not there") as caught:
        defaults(app)
    assert caught.value.hint == "put the inputs there"
    (app / "mine.npz").touch()
    values = defaults(app)
    assert values["inputs"] == str(app / "mine.npz")


def test_another_model_does_not_get_into_the_application(app: Path) -> None:
    settings = api.Settings(project=app, directory=app / "build", project_only=True)
    with pytest.raises(BuildError, match=r"has the model 'model.tflite', not 'digits.tflite'"):
        api.build(DIGITS, api.load_board("nucleo_l4r5zi"), settings)
    assert not (app / "model" / "digits.c").exists()


def test_another_kind_of_project_does_not_either(app: Path) -> None:
    failed = tinyml("build", "--template", "cmake", cwd=app)
    assert failed.returncode == 1
    assert failed.stderr == (
        "error: tinyml.toml: the application in this folder has the template 'baremetal', not "
        "'cmake'\nhint: change 'template' in tinyml.toml, or give a folder of its own with "
        "--project\n"
    )
    assert not (app / "CMakeLists.txt").exists()


def test_without_a_file_the_command_says_what_is_missing(tmp_path: Path) -> None:
    failed = tinyml("build", cwd=tmp_path)
    assert failed.returncode == 2
    assert failed.stderr.splitlines()[-1] == (
        "hint: there is no tinyml.toml here that names model and board; 'tinyml new' makes a "
        "folder with one"
    )


def test_what_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(TinymlError, match="taken' is there already"):
        new(tmp_path / "taken", "esp32s3", None, None)
    with pytest.raises(BoardError, match="unknown board"):
        new(tmp_path / "app", "esp32s33", None, None)
    with pytest.raises(BoardError, match="board 'esp32s3' has no template 'cubemx'"):
        new(tmp_path / "app", "esp32s3", "cubemx", None)
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"nothing")
    with pytest.raises(TinymlError):
        new(tmp_path / "app", "esp32s3", None, broken)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.tflite", "taken"]


def test_a_board_file_of_ones_own(tmp_path: Path) -> None:
    text = (ROOT / "boards" / "nucleo_f446re.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    new(tmp_path / "app", str(tmp_path / "mine.toml"), None, None)
    built = tinyml("build", "--project-only", cwd=tmp_path / "app")
    assert built.returncode == 0, built.stderr
    assert 'board = "../mine.toml"' in (tmp_path / "app" / FILE).read_text()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """`tinyml new` in a place that takes no folders ended in a traceback."""
    (tmp_path / "file").write_text("")
    made = tinyml("new", "file/my-app", "--board", "rpi_pico", cwd=tmp_path)
    assert made.returncode == 1
    assert made.stderr.splitlines()[0] == "error: cannot make the folder file: File exists"


def test_a_folder_that_takes_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    with pytest.raises(TinymlError, match=r"cannot make a folder in .*: No space left"):
        new(tmp_path / "my-app", "rpi_pico", None, None)
    assert list(tmp_path.iterdir()) == []

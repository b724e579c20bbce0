"""A classifier on disk: an ONNX file, its class names, and ``model.yaml`` that says how to feed it.

ModelError      the model cannot be used; the message names the file and what is wrong with it
"""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

DESCRIPTION = "model.yaml"
Three = tuple[float, float, float]


class ModelError(Exception):
    pass


class Preprocessing(BaseModel):
    """The shorter side is scaled to ``resize``, a square of ``crop`` is cut from the middle, and every value
    0..255 becomes ``(value - mean) / std``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    crop: Annotated[int, Field(ge=16, le=2048)] = 224
    resize: Annotated[int, Field(ge=16, le=2048)] = 224
    mean: Three = (0.0, 0.0, 0.0)
    std: Three = (255.0, 255.0, 255.0)
    colours: Literal["RGB", "BGR"] = "RGB"
    layout: Literal["NCHW", "NHWC"] = "NCHW"

    @model_validator(mode="after")
    def _possible(self) -> "Preprocessing":
        if self.resize < self.crop:
            raise ValueError("resize must not be below crop")
        if 0 in self.std:
            raise ValueError("std must not be 0")
        return self


class ModelSpec(BaseModel):
    """``model.yaml``; file names are relative to its folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[\w.+-]+$")]
    model: Path
    labels: Path
    output: Literal["logits", "probabilities"] = "logits"
    temperature: Annotated[float, Field(gt=0, le=100)] = 1.0
    categories: str | None = None
    preprocessing: Preprocessing = Preprocessing()
    folder: Annotated[Path, Field(exclude=True)] = Path()

    @property
    def model_path(self) -> Path:
        return self.folder / self.model

    @property
    def labels_path(self) -> Path:
        return self.folder / self.labels

    @property
    def categories_path(self) -> Path | None:
        if self.categories is None:
            return None
        if self.categories == "imagenet":
            return Path(__file__).parent / "data" / "imagenet.yaml"
        return self.folder / self.categories


def read_spec(path: Path) -> ModelSpec:
    """The model in folder ``path``, or described by the file ``path``. Raises ModelError."""
    file = path / DESCRIPTION if path.is_dir() else path
    try:
        given = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{file} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ModelError(f"{file} is not YAML: {error}") from error
    if not isinstance(given, dict):
        raise ModelError(f"{file} is not a YAML mapping")
    try:
        spec = ModelSpec.model_validate({**given, "folder": file.parent})
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'the whole'}: {e['msg']}" for e in error.errors()
        )
        raise ModelError(f"{file}: {faults}") from error
    for needed in filter(None, (spec.model_path, spec.labels_path, spec.categories_path)):
        if not needed.is_file():
            raise ModelError(f"{needed}, named by {file}, does not exist")
    return spec

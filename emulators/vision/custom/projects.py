"""Which projects and published iterations there are, and what each answers by.

ProjectsError   the file cannot be used; the message says why
"""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from emulators.vision.engine.models import ModelError, ModelSpec, read_spec

DEFAULT = Path(__file__).with_name("default.yaml")
ANY = "*"
Words = Annotated[dict[str, Annotated[list[str], Field(min_length=1)]], Field(min_length=1)]


class ProjectsError(Exception):
    pass


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Classification(_Strict):
    """``classes``: tag → words of the engine, or ``model``: a folder with a classifier. ``negative``: the tag whose
    probability is what the surest class leaves."""

    classes: Words | None = None
    model: Path | None = None
    negative: str | None = None
    spec: Annotated[ModelSpec | None, Field(exclude=True)] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "Classification":
        if (self.classes is None) == (self.model is None):
            raise ValueError("needs either classes or model")
        if self.negative is not None and self.negative in (self.classes or {}):
            raise ValueError("the negative tag must not be a class as well")
        return self


class Detection(_Strict):
    classes: Words


class Published(_Strict):
    """One published iteration: a classifier, a detector, or both under one name."""

    classify: Classification | None = None
    detect: Detection | None = None

    @model_validator(mode="after")
    def _something(self) -> "Published":
        if self.classify is None and self.detect is None:
            raise ValueError("needs classify or detect")
        return self


class Projects(_Strict):
    projects: dict[str, dict[str, Published]]

    def has(self, project: str) -> bool:
        return self._iterations(project) is not None

    def find(self, project: str, published_name: str) -> Published | None:
        iterations = self._iterations(project) or {}
        return iterations.get(published_name) or iterations.get(ANY)

    def _iterations(self, project: str) -> dict[str, Published] | None:
        for name, iterations in self.projects.items():
            if name.lower() == project.lower():
                return iterations
        return self.projects.get(ANY)


def read_projects(path: Path = DEFAULT) -> Projects:
    """The projects in ``path``; models are looked for beside it. Raises ProjectsError."""
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = Projects.model_validate(given)
        return Projects(
            projects={
                project: {name: _with_model(published, path.parent) for name, published in iterations.items()}
                for project, iterations in found.projects.items()
            }
        )
    except OSError as error:
        raise ProjectsError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ProjectsError(f"{path} is not YAML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'the whole'}: {e['msg']}" for e in error.errors()
        )
        raise ProjectsError(f"{path}: {faults}") from error
    except ModelError as error:
        raise ProjectsError(f"{path}: {error}") from error


def _with_model(published: Published, folder: Path) -> Published:
    classify = published.classify
    if classify is None or classify.model is None:
        return published
    return published.model_copy(
        update={"classify": classify.model_copy(update={"spec": read_spec(folder / classify.model)})}
    )

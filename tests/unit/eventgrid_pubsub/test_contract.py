"""The stubs are what the contract generates, and name what daprd looks for."""

from pathlib import Path

from components.eventgrid_pubsub.proto import eventgrid_pubsub_contract_pb2 as pb
from components.eventgrid_pubsub.proto import generate


def test_the_stubs_are_current(tmp_path: Path) -> None:
    written = generate.generate(tmp_path)
    assert len(written) == 2
    for path in written:
        assert path.read_text() == (generate.HERE / path.name).read_text(), (
            f"{path.name}: run python -m components.eventgrid_pubsub.proto.generate"
        )


def test_the_service_has_daprs_name_and_methods() -> None:
    service = pb.DESCRIPTOR.services_by_name["PubSub"]
    assert service.full_name == "dapr.proto.components.v1.PubSub"
    assert {method.name for method in service.methods} == {
        "Init", "Features", "Publish", "BulkPublish", "PullMessages", "Pause", "Resume", "Ping",
    }  # fmt: skip


def test_the_dapr_sdk_can_be_loaded_beside_it() -> None:
    import dapr.clients  # noqa: F401

"""The preflight refuses what cannot work, names every problem, and lets good parameters through."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.preflight import problems
from tools.setup.locations import ROOT

KEY = "0123456789abcdef0123"
GOOD = {
    "AZURE_ENV_NAME": "demo",
    "AZURE_LOCATION": "westeurope",
    "CLAIMLENS_API_KEYS": f"me:admin:{KEY}",
}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"CLAIMLENS_SIZE": "trial"},
        {
            "CLAIMLENS_SIZE": "large",
            "CLAIMLENS_SEARCH": "true",
            "CLAIMLENS_FURTHER_LOCATIONS": "northeurope,eastus",
        },
        {"AZURE_LOCATION": "swedencentral", "CLAIMLENS_WITHOUT_CAPTIONS": "true"},
        {"CLAIMLENS_API_KEYS": "", "CLAIMLENS_ENTRA_CLIENT_ID": "6f1f9a0e-1c52-4a54-9f43-2f6a9d3f8f10"},
        {"CLAIMLENS_INGEST_HOSTNAME": "in.example.com", "CLAIMLENS_CERTIFICATES_READY": "true"},
        {"CLAIMLENS_ALERT_EMAIL": "ops@example.com", "CLAIMLENS_BUDGET_START": "2026-01-01"},
    ],
)
def test_good_parameters_pass(more: dict[str, str]) -> None:
    assert problems({**GOOD, **more}) == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"AZURE_ENV_NAME": ""}, "AZURE_ENV_NAME is not set"),
        ({"AZURE_ENV_NAME": "Demo"}, "lower-case"),
        ({"AZURE_ENV_NAME": "a" * 21}, "2 to 20"),
        ({"AZURE_ENV_NAME": "a--b"}, "single hyphens"),
        ({"AZURE_LOCATION": ""}, "AZURE_LOCATION is not set"),
        ({"AZURE_LOCATION": "West Europe"}, "as in westeurope"),
        ({"AZURE_LOCATION": "brazilsouth"}, "Known: australiaeast, eastasia, eastus"),
        ({"AZURE_LOCATION": "swedencentral"}, "has no captions"),
        ({"CLAIMLENS_SIZE": "huge"}, "one of large, medium, small, trial"),
        ({"CLAIMLENS_SIZE": "large"}, "`azd env set CLAIMLENS_SEARCH true`"),
        ({"CLAIMLENS_SIZE": "large", "CLAIMLENS_SEARCH": "false"}, "some 2,000,000 pictures"),
        ({"CLAIMLENS_API_KEYS": ""}, "nobody would be asked"),
        ({"CLAIMLENS_API_KEYS": "me:root:" + KEY}, "entry 1"),
        ({"CLAIMLENS_API_KEYS": "me:admin:short"}, "16 characters"),
        ({"CLAIMLENS_API_KEYS": f"me:admin:{KEY},{KEY}"}, "entry 2"),
        ({"CLAIMLENS_ENTRA_CLIENT_ID": "6f1f9a0e-1c52-4a54-9f43-2f6a9d3f8f10"}, "exclude each other"),
        ({"CLAIMLENS_ENTRA_CLIENT_ID": "claimlens"}, "a GUID"),
        ({"CLAIMLENS_PRIVATE_NETWORK": "yes"}, "true or false"),
        ({"CLAIMLENS_MONTHLY_BUDGET": "a lot"}, "a whole number"),
        ({"CLAIMLENS_FURTHER_LOCATIONS": "northeurope"}, "serverless"),
        ({"CLAIMLENS_SIZE": "medium", "CLAIMLENS_FURTHER_LOCATIONS": "westeurope"}, "twice"),
        ({"CLAIMLENS_SIZE": "medium", "CLAIMLENS_FURTHER_LOCATIONS": "mars"}, "region mars"),
        (
            {
                "CLAIMLENS_SIZE": "medium",
                "CLAIMLENS_FURTHER_LOCATIONS": "eastus",
                "CLAIMLENS_PRIVATE_NETWORK": "true",
            },
            "one network",
        ),
        (
            {
                "CLAIMLENS_SIZE": "medium",
                "CLAIMLENS_FURTHER_LOCATIONS": "eastus",
                "CLAIMLENS_QUERY_HOSTNAME": "q.example.com",
            },
            "Front Door's host names",
        ),
        ({"CLAIMLENS_INGEST_HOSTNAME": "https://in.example.com"}, "as in ingest.example.com"),
        (
            {"CLAIMLENS_INGEST_HOSTNAME": "a.example.com", "CLAIMLENS_QUERY_HOSTNAME": "a.example.com"},
            "must differ",
        ),
        ({"CLAIMLENS_CERTIFICATES_READY": "true"}, "without a host name"),
        ({"CLAIMLENS_ALERT_EMAIL": "ops"}, "a mail address"),
        ({"CLAIMLENS_ALERT_EMAIL": "ops@example.com"}, "CLAIMLENS_BUDGET_START"),
        ({"CLAIMLENS_ALERT_EMAIL": "ops@example.com", "CLAIMLENS_BUDGET_START": "2026-01-15"}, "first day"),
    ],
)
def test_what_cannot_work_is_refused(more: dict[str, str], expected: str) -> None:
    found = problems({**GOOD, **more})

    assert any(expected in problem for problem in found), found


def test_all_problems_are_named_at_once() -> None:
    assert len(problems({})) == 3


def test_no_key_is_printed() -> None:
    found = problems({**GOOD, "CLAIMLENS_API_KEYS": "secretsecretsecret"})

    assert found
    assert not any("secretsecret" in problem for problem in found)


@pytest.mark.parametrize(("variables", "code"), [(GOOD, 0), ({}, 1)])
def test_the_program_ends_azd_with_its_exit_code(
    variables: dict[str, str], code: int, tmp_path: Path
) -> None:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "CLAIMLENS_"))
    }

    done = subprocess.run(
        [sys.executable, "-I", str(ROOT / "deploy" / "preflight.py")],
        cwd=tmp_path,
        env={**clean, **variables},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == code
    assert ("Nothing was created" in done.stderr) == (code == 1)

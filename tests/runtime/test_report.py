"""The platform's own lines and payloads, word for word."""

from __future__ import annotations

import json

import pytest

from valve_aws.runtime import faults, report


def test_the_report_of_a_warm_event() -> None:
    assert report.report("id", 0.0021351, 128, 37_000_000) == (
        "REPORT RequestId: id\tDuration: 2.14 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 36 MB\t"
    )


def test_the_report_of_a_cold_start_bills_it() -> None:
    line = report.report("id", 0.25006, 1024, 350 << 20, init=0.10077)
    assert line == (
        "REPORT RequestId: id\tDuration: 250.06 ms\tBilled Duration: 351 ms\tMemory Size: 1024 MB\t"
        "Max Memory Used: 350 MB\tInit Duration: 100.77 ms\t"
    )


def test_the_report_of_a_failure_names_it() -> None:
    assert report.report("id", 3.01678, 128, 1, status="timeout").endswith(
        "Max Memory Used: 1 MB\tStatus: timeout"
    )
    line = report.report("id", 0.13361, 128, 1, 0.08, "error", "Runtime.ExitError")
    assert line.endswith("\tInit Duration: 80.00 ms\tStatus: error\tError Type: Runtime.ExitError")


def test_a_whole_number_of_milliseconds_is_not_billed_twice() -> None:
    assert "Billed Duration: 3000 ms" in report.report("id", 3.0, 128, 1)


def test_the_other_lines() -> None:
    assert report.start("id") == "START RequestId: id Version: $LATEST"
    assert report.end("id") == "END RequestId: id"
    assert report.timed_out("2024-03-04T17:22:38.033Z", "id", 3.0) == (
        "2024-03-04T17:22:38.033Z id Task timed out after 3.00 seconds"
    )
    assert report.exited("id", 1) == (
        "RequestId: id Error: Runtime exited with error: exit status 1",
        "Runtime.ExitError",
    )
    assert (
        report.init_report(9.99981, "timeout")
        == "INIT_REPORT Init Duration: 9999.81 ms\tPhase: init\tStatus: timeout"
    )
    assert report.init_report(1.23604, "error", "Runtime.ExitError") == (
        "INIT_REPORT Init Duration: 1236.04 ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError"
    )
    assert report.init_start("python3.12", "eu-west-1") == (
        "INIT_START Runtime Version: python:3.12.v0\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:"
        + "0" * 64
    )


@pytest.mark.parametrize(
    ("runtime", "told"),
    [
        ("nodejs22.x", "nodejs:22.v0"),
        ("provided.al2023", "provided:al2023.v0"),
        ("java8.al2", "java:8.al2.v0"),
        ("ruby3.4", "ruby:3.4.v0"),
        ("provided", "provided.v0"),
    ],
)
def test_a_cold_start_tells_a_runtimes_language_and_version(runtime: str, told: str) -> None:
    assert f" {told}\t" in report.init_start(runtime, "eu-west-1")


@pytest.mark.parametrize(
    ("payload", "error_type", "message"),
    [
        (
            faults.timed_out("id", 1),
            "Sandbox.Timedout",
            "RequestId: id Error: Task timed out after 1.00 seconds",
        ),
        (
            faults.exited("id", 2),
            "Runtime.ExitError",
            "RequestId: id Error: Runtime exited with error: exit status 2",
        ),
        (
            faults.exited("id", -64),
            "Runtime.ExitError",
            "RequestId: id Error: Runtime exited with error: signal: signal 64",
        ),
        (
            faults.out_of_memory("id"),
            "Runtime.OutOfMemory",
            "RequestId: id Error: Runtime exited with error: signal: killed",
        ),
        (
            faults.refused("Valve.ResultRefused", "r-1"),
            "Valve.ResultRefused",
            "refused by the valve; the operator sees why under r-1",
        ),
    ],
)
def test_payloads_are_type_and_message(payload: bytes, error_type: str, message: str) -> None:
    assert list(json.loads(payload).items()) == [("errorType", error_type), ("errorMessage", message)]

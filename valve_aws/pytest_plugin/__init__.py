"""The pytest plugin: options, a marker, and the fixtures that a test may ask for.

Knows names and scopes. Does not know how anything is done: whatever a fixture needs is imported when a test
first asks for it, so that a test run that asks for none pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from valve_aws.cooperative.guarding import Guard
    from valve_aws.pytest_plugin.canary import Canary
    from valve_aws.pytest_plugin.cloud import Cloud
    from valve_aws.pytest_plugin.flows import ValveFlows
    from valve_aws.pytest_plugin.lambdas import Lambdas
    from valve_aws.pytest_plugin.run import Run
    from valve_aws.pytest_plugin.session import Session
    from valve_aws.pytest_plugin.stack import ValveStack
    from valve_aws.pytest_plugin.summary import Summary

MODES = ("enforce", "audit", "off")

LOCK_VERBS = ("check", "update", "rewrite")

MARKER = (
    "valve(mode=…, policy=…, template=…): the guard's mode, policy file and template for this test; "
    "paths are relative to the test's file"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare what may be said on the command line and in the ini file."""
    group = parser.getgroup("valve", "valve-aws: where data may go")
    group.addoption("--valve-mode", choices=MODES, help="mode of the guard [the policy's; audit without one]")
    group.addoption("--valve-policy", metavar="FILE", help="flow policy [the nearest valve.yaml upwards]")
    group.addoption(
        "--valve-backend",
        metavar="moto|localstack|URL",
        help="what answers AWS calls [moto, embedded, one a session, as its seed says for each test]",
    )
    group.addoption(
        "--valve-lock",
        choices=LOCK_VERBS,
        help="hold what the code uses against valve.lock, or write it there; `update` drops what is gone "
        "only after a whole session, `rewrite` after any",
    )
    group.addoption("--valve-sarif", metavar="FILE", help="write what was refused as SARIF 2.1.0")
    parser.addini("valve_template", "template [the nearest template.yaml, .yml or .json upwards]")
    parser.addini("valve_project", "folder that code and nested templates may lie in [the template's own]")
    parser.addini("valve_policy", "flow policy [the nearest valve.yaml upwards]")
    parser.addini("valve_require", "`enforced`: fail, and do not skip, where this host cannot enforce")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", MARKER)
    if verb := config.getoption("--valve-lock"):
        from valve_aws.pytest_plugin.lock import NAME, Locks

        config.pluginmanager.register(Locks(config, verb), NAME)
    if config.getoption("--valve-sarif"):
        _summary_of(config)  # Why: whoever asks for a file gets one, also where nothing was guarded


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of pytest-xdist has seen."""
    if told := getattr(node, "workeroutput", {}).get("valve_aws"):
        _summary_of(node.config).take(told)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Note what follows a test that has a valve."""
    if "_valve_run" in getattr(item, "fixturenames", ()):
        from valve_aws.pytest_plugin import coming

        coming.note(item, nextitem)


def _summary_of(config: pytest.Config) -> Summary:
    from valve_aws.pytest_plugin.summary import summary_of

    return summary_of(config)


@pytest.fixture(scope="session")
def valve_backend(pytestconfig: pytest.Config) -> str:
    """What answers AWS calls: `moto`, `localstack` or a URL. Override it to name an endpoint of your own."""
    return str(pytestconfig.getoption("--valve-backend") or "moto")


@pytest.fixture(scope="session")
def _valve_session(
    pytestconfig: pytest.Config, valve_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Session]:
    from valve_aws.pytest_plugin.session import Session

    session = Session(pytestconfig, valve_backend, tmp_path_factory.mktemp("valve"))
    try:
        yield session
    finally:
        session.close()


@pytest.fixture
def valve_policy(request: pytest.FixtureRequest) -> Path | str | None:
    """The policy in force for this test: of the marker, the option, the ini file, else the nearest
    `valve.yaml`. Override it to name another; None means the one beside the template, or none."""
    from valve_aws.pytest_plugin.files import policy_of
    from valve_aws.pytest_plugin.run import told

    return told(lambda: policy_of(request.node, request.config))


@pytest.fixture
def _valve_run(
    request: pytest.FixtureRequest, _valve_session: Session, valve_policy: Path | str | None
) -> Iterator[Run]:
    from pathlib import Path

    from valve_aws.pytest_plugin.run import Run

    run = Run(_valve_session, request.node, Path(valve_policy) if valve_policy else None)
    try:
        yield run
    finally:
        run.close()


@pytest.fixture
def valve_cloud(_valve_run: Run) -> Cloud:
    """What answers AWS calls, with the template's resources and the seed's content: `.url`,
    `.client(service)`, `.name("Users")`."""
    return _valve_run.cloud()


@pytest.fixture
def valve_stack(_valve_run: Run) -> Iterator[ValveStack]:
    """The template, up and seeded; this process's boto3 is pointed at it, with credentials good for nothing
    else. What the test puts there carries what the policy says that the store holds."""
    stack = _valve_run.stack()
    try:
        yield stack
    finally:
        stack.release()


@pytest.fixture
def valve_lambda(_valve_run: Run) -> Lambdas:
    """`valve_lambda("Worker").invoke(event)`: a function of the template, in its sandbox."""
    return _valve_run.lambdas()


@pytest.fixture
def valve_canary(_valve_run: Run) -> Canary:
    """Decoys in the cloud and in the functions' variables: one that is seen in what leaves, in whatever
    spelling, fails the test and names the call and its line. `.access_key`, `.secret_key`, `.secret`,
    `.name`, `.email`; `.record("Users", id="c9")`, `.object("Files", "k")`; `.allow(to="Mail")`."""
    return _valve_run.canary()


@pytest.fixture
def valve_flows(_valve_run: Run) -> ValveFlows:
    """Where data went in this test, and assertions about it."""
    return _valve_run.flows()


@pytest.fixture
def valve_guard(_valve_run: Run) -> Iterator[Guard]:
    """The cooperative guard, on for this test: `valve_guard.handler("Worker", app.handler)` is a handler
    whose calls are judged. No boundary: it lives in the same process."""
    with _valve_run.guard() as guard:
        yield guard


# The same for as long as the session: nothing is begun anew between tests.


@pytest.fixture(scope="session")
def _valve_session_run(request: pytest.FixtureRequest, _valve_session: Session) -> Iterator[Run]:
    from valve_aws.pytest_plugin.run import for_session

    run = for_session(_valve_session, request)
    try:
        yield run
    finally:
        run.close()


@pytest.fixture(scope="session")
def valve_session_cloud(_valve_session_run: Run) -> Cloud:
    """As `valve_cloud`, one for the whole session, with a cloud of its own."""
    return _valve_session_run.cloud()


@pytest.fixture(scope="session")
def valve_session_stack(_valve_session_run: Run) -> Iterator[ValveStack]:
    """As `valve_stack`, one for the whole session."""
    stack = _valve_session_run.stack()
    try:
        yield stack
    finally:
        stack.release()


@pytest.fixture(scope="session")
def valve_session_lambda(_valve_session_run: Run) -> Lambdas:
    """As `valve_lambda`, for the whole session: environments stay warm from test to test, as labels let
    them."""
    return _valve_session_run.lambdas()


@pytest.fixture(scope="session")
def valve_session_flows(_valve_session_run: Run) -> ValveFlows:
    """As `valve_flows`, about the whole session so far."""
    return _valve_session_run.flows()

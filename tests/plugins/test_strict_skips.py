from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

ONE_OF_EACH = """
    import time
    import pytest

    def test_runs_in_utc():
        assert time.tzname == ("UTC", "UTC")

    @pytest.mark.xfail(reason="known")
    def test_xfail():
        raise AssertionError

    {skip}
"""
SKIPPED_TEST = 'def test_skipped(): pytest.skip("no data here")'


@pytest.fixture(autouse=True)
def _elsewhere(pytester: pytest.Pytester, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makeini(f"[pytest]\npythonpath = {request.path.parent}\naddopts = -p strict_skips")
    monkeypatch.setenv("TZ", "Asia/Tokyo")


def run(pytester: pytest.Pytester, *options: str, skip: str = "") -> pytest.RunResult:
    pytester.makepyfile(ONE_OF_EACH.format(skip=skip))
    return pytester.runpytest_subprocess(*options)


def test_a_skip_is_red_and_listed(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIT_NO_SKIP", "1")
    result = run(pytester, skip=SKIPPED_TEST)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*PLAIT_NO_SKIP=1 forbids it*", "*::test_skipped: no data here"])


def test_a_skipped_module_is_red(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIT_NO_SKIP", "1")
    result = run(pytester, skip='pytest.importorskip("a_module_of_no_name")')
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*PLAIT_NO_SKIP=1 forbids it*", "*a_module_of_no_name*"])


@pytest.mark.parametrize("skip", [SKIPPED_TEST, 'pytest.importorskip("a_module_of_no_name")'], ids=["test", "module"])
def test_what_another_process_skips_is_red(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, skip: str) -> None:
    monkeypatch.setenv("PLAIT_NO_SKIP", "1")
    result = run(pytester, "-n", "2", skip=skip)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*PLAIT_NO_SKIP=1 forbids it*"])


def test_no_skip_is_green(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIT_NO_SKIP", "1")
    assert run(pytester).ret == pytest.ExitCode.OK


def test_skips_are_allowed_elsewhere(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLAIT_NO_SKIP", raising=False)
    assert run(pytester, skip=SKIPPED_TEST).ret == pytest.ExitCode.OK

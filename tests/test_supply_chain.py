"""The lock is audited aloud, and what runs in CI is pinned and allowed little."""

import json
import os
import re
import shlex
import subprocess
import sys

import pytest
import yaml

from holf.paths import project_root

ROOT = project_root()
CLEAN = {"name": "one", "version": "1", "vulns": []}
BAD = {"name": "two", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "three", "skip_reason": "Dependency not found on PyPI and could not be audited: three (3)"}


def audit(tmp_path, packages=None, errors="", code=0) -> tuple[int, str, str]:
    """Run the audit with a pip-audit that answers as told; exit code, what it prints, and the summary of the job."""
    answer = json.dumps({"dependencies": packages}) if packages is not None else ""
    program, summary = tmp_path / "pip-audit", tmp_path / "summary.md"
    # A shell script: the path of this Python may have a space, which a first line cannot hold.
    lines = f"printf '%s\\n' {shlex.quote(answer)}", f"printf '%s\\n' {shlex.quote(errors)} >&2", f"exit {code}"
    program.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    program.chmod(0o755)
    variables = {"PIP_AUDIT": str(program), "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_ACTIONS": "true"}
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "audit"], env=os.environ | variables, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, summary.read_text() if summary.exists() else ""


def test_a_clean_lock_passes_and_says_how_much_was_asked(tmp_path):
    code, said, summary = audit(tmp_path, [CLEAN])
    assert code == 0 and "No known vulnerability in 1 audited packages" in said and "NOT AUDITED" not in summary


def test_a_finding_fails(tmp_path):
    code, said, summary = audit(tmp_path, [CLEAN, BAD, UNKNOWN], code=1)
    assert code == 1 and "::error" in said and "two 2: PYSEC-1, mended in 3" in summary


@pytest.mark.parametrize(
    ("packages", "errors"),
    [(None, "Could not connect to PyPI's vulnerability feed"), ([UNKNOWN], "No known vulnerabilities found"), ([], "")],
)
def test_no_answer_is_never_silent(tmp_path, packages, errors):
    code, said, summary = audit(tmp_path, packages, errors)
    assert code == 0 and "::warning" in said and "**NOT AUDITED" in summary


def test_an_audit_that_breaks_fails(tmp_path):
    code, _, summary = audit(tmp_path, None, "requirements.lock: line 3 has no hash", code=1)
    assert code == 1 and "The audit failed: requirements.lock: line 3 has no hash" in summary
    gone = os.environ | {"PIP_AUDIT": str(tmp_path / "none")}
    done = subprocess.run([sys.executable, ROOT / ".ci" / "audit"], env=gone, capture_output=True, text=True)
    assert done.returncode == 1 and "does not start" in done.stdout


def faults(workflow: dict) -> list[str]:
    """What a workflow may not do: run an action by a name that can move, or hold rights that it does not need."""
    found = []
    if workflow.get("permissions") != {"contents": "read"}:
        found.append("rights")
    for name, job in workflow["jobs"].items():
        allowed = {"deploy": {"pages": "write", "id-token": "write"}, "report": {"issues": "write"}}.get(name, {})
        if not set(job.get("permissions", {}).items()) <= allowed.items():
            found.append("rights")
        steps = job.get("steps", [])
        found += ["pin" for step in steps if "uses" in step and not re.search(r"@[0-9a-f]{40}$", step["uses"])]
        checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
        found += ["token" for step in checkouts if step.get("with", {}).get("persist-credentials") is not False]
    return found


def workflows() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))]


def test_workflows_are_pinned_and_allowed_little():
    assert workflows()
    for text in workflows():
        assert faults(yaml.safe_load(text)) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (r"checkout@[0-9a-f]{40}", "checkout@v4", "pin"),
        (r"permissions:\n  contents: read", "permissions:\n  contents: write", "rights"),
        ("persist-credentials: false", "persist-credentials: true", "token"),
        ("pages: write", "contents: write", "rights"),
        ("issues: write", "contents: write", "rights"),
    ],
)
def test_a_loose_workflow_is_found(old, new, fault):
    text = next(text for text in workflows() if re.search(old, text))
    assert fault in faults(yaml.safe_load(re.sub(old, new, text, count=1)))


def test_ci_audits_the_lock():
    assert any("run: .venv/bin/python .ci/audit" in text for text in workflows())
